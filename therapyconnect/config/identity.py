"""Settings of identity: the user model, log-in, sessions, second factors, limits."""

from __future__ import annotations

from therapyconnect.config.environment import ENVIRONMENT

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

# scrypt first; what was stored with Django's default is read and replaced at the next log-in.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Whose tokens are taken besides our own, each from the one issuer that it names.
IDENTITY_PROVIDERS = ENVIRONMENT.identity_providers

# Sessions live in our own table and are never in a cookie. The age is the refresh token's.
SESSION_ENGINE = "therapyconnect.accounts.session_store"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_MIDDLEWARE = [
    "therapyconnect.accounts.middleware.SessionMiddleware",
    "therapyconnect.accounts.middleware.AuthRoutesMiddleware",
]

# The counters of the limits below: in the database, so that a restart forgives nothing.
CACHES = {"default": {"BACKEND": "therapyconnect.accounts.limits.LimitCache"}}

ACCOUNT_ADAPTER = "therapyconnect.accounts.adapters.AccountAdapter"
ACCOUNT_USER_DISPLAY = "therapyconnect.accounts.adapters.display_name"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGIN_TIMEOUT = 15 * 60
# "login" counts every log-in from an address, "login_failed" only those that fail, per address and
# per account (and wrong codes of a second factor, per account).
LOGIN_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
ACCOUNT_RATE_LIMITS: dict[str, str] | bool = LOGIN_LIMITS if ENVIRONMENT.throttles else False

HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("app",)
HEADLESS_TOKEN_STRATEGY = "therapyconnect.accounts.strategy.TokenStrategy"  # noqa: S105

MFA_ADAPTER = "therapyconnect.accounts.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_TOTP_ISSUER = "TherapyConnect"
# With a tolerance allauth would take a code a second time, once its mark of use has expired.
MFA_TOTP_TOLERANCE = 0
MFA_PASSKEY_LOGIN_ENABLED = True
# What a passkey belongs to, and where it may be used: configured, never taken from a request.
PASSKEY_DOMAIN = ENVIRONMENT.passkey_domain
PASSKEY_ORIGINS = ENVIRONMENT.passkey_origins
# Addresses are given by an admin; nobody has to prove theirs before adding a second factor.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RATE_LIMITS: dict[str, str] | bool = (
    {"webauthn_login": "10/m/ip"} if ENVIRONMENT.throttles else False
)
