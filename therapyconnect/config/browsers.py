"""What browsers are told: who may call from where, and what a page of ours may load and do."""

from __future__ import annotations

from typing import Final

from therapyconnect.config.environment import ENVIRONMENT

# Exact origins, no cookies across them; the API is called with a bearer token.
CORS_ALLOWED_ORIGINS = ENVIRONMENT.origins
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "range",
    "x-session-token",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = ["x-request-id", "retry-after", "content-disposition", "content-range"]
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.origins
# No cookie is ever read, so no request can be forged with one.
SILENCED_SYSTEM_CHECKS = ["security.W003"]

# Django's pages: the documents, whose viewer brings styles of its own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "connect-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = ENVIRONMENT.production
SECURE_HSTS_SECONDS = 31_536_000 if ENVIRONMENT.production else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = ENVIRONMENT.production

# The web client: nothing inline, nothing from elsewhere. `'self'` holds for sockets of our own host
# too; images that came with a token are shown from memory (`blob:`).
_WEB_CLIENT_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_DENIED: Final = ("accelerometer", "camera", "display-capture", "geolocation", "gyroscope",
                  "magnetometer", "microphone", "midi", "payment", "usb")  # fmt: skip
WEB_CLIENT_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{k} {v}" for k, v in _WEB_CLIENT_POLICY.items()),
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _DENIED),
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": X_FRAME_OPTIONS,
    "Cross-Origin-Opener-Policy": SECURE_CROSS_ORIGIN_OPENER_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    **(
        {"Strict-Transport-Security": f"max-age={SECURE_HSTS_SECONDS}; includeSubDomains; preload"}
        if ENVIRONMENT.production
        else {}
    ),
}
