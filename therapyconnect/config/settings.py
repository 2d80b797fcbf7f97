"""Django's settings. Everything a clinic may set comes through `environment`."""

from __future__ import annotations

from typing import Any

from psycopg.conninfo import conninfo_to_dict

from therapyconnect.accounts.quotas import Rate
from therapyconnect.config.browsers import *  # noqa: F403 (CORS, CSP, HSTS and their like)
from therapyconnect.config.environment import ENVIRONMENT, ROOT
from therapyconnect.config.identity import *  # noqa: F403 (accounts, tokens, allauth)
from therapyconnect.config.logs import LOGGING as LOGGING
from therapyconnect.config.wiring import attachment_store, key_ring, scanner
from therapyconnect.core.connections import RECONNECT_SECONDS, BoundedConnection

DEBUG = False
BASE_DIR = ROOT
SECRET_KEY = key_ring().derive("django.secret_key").hex()
SECRET_KEY_FALLBACKS = [
    key_ring().derive("django.secret_key", version).hex()
    for version in key_ring().keys
    if version != key_ring().current
]
ALLOWED_HOSTS = ENVIRONMENT.hosts

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "therapyconnect.vault.apps.VaultConfig",
    "therapyconnect.accounts.apps.AccountsConfig",
    "therapyconnect.crisis.apps.CrisisConfig",
    "therapyconnect.notifications.apps.NotificationsConfig",
    "therapyconnect.attachments.apps.AttachmentsConfig",
    "therapyconnect.messaging.apps.MessagingConfig",
    "therapyconnect.ops.apps.OpsConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.headless",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
]

MIDDLEWARE = [
    "therapyconnect.core.rest.middleware.RequestIdMiddleware",
    "therapyconnect.crisis.middleware.CrisisMiddleware",
    "therapyconnect.ops.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "csp.middleware.CSPMiddleware",
    *SESSION_MIDDLEWARE,  # noqa: F405
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "therapyconnect.config.urls"
ASGI_APPLICATION = "therapyconnect.config.asgi.application"
APPEND_SLASH = False
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# One server, one dialect. Requests run in many more threads than there are connections, so these
# are kept in psycopg's pool and not with the thread; a full pool answers 503 after three seconds.
_CONNINFO = conninfo_to_dict(ENVIRONMENT.database_url) if ENVIRONMENT.database_url else {}
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _CONNINFO.pop("dbname", "therapyconnect"),
        "USER": _CONNINFO.pop("user", ""),
        "PASSWORD": _CONNINFO.pop("password", ""),
        "HOST": _CONNINFO.pop("host", ""),
        "PORT": _CONNINFO.pop("port", ""),
        "CONN_MAX_AGE": 0,
        # A connection that died with its server is found before a request meets it.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **_CONNINFO,
            "connect_timeout": 5,
            "application_name": "therapyconnect",
            "options": "-c lock_timeout=3000 -c statement_timeout=10000",
            "tcp_user_timeout": 10_000,
            "pool": {
                "min_size": 1,
                "max_size": 8,
                "timeout": 3.0,
                "reconnect_timeout": RECONNECT_SECONDS,
                "connection_class": BoundedConnection,
            },
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.data / "static"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "therapyconnect.accounts.authentication.TokenAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["therapyconnect.core.rest.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["therapyconnect.core.rest.renderers.MsgspecRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "therapyconnect.core.rest.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "TherapyConnect",
    "DESCRIPTION": "Secure one-to-one messaging between therapists and patients.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/",
    "POSTPROCESSING_HOOKS": ["therapyconnect.core.rest.schema.finish_document"],
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.production
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.production else None

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "attachments": attachment_store(ENVIRONMENT.storage, ENVIRONMENT.data),
}

THERAPYCONNECT: dict[str, Any] = {
    "MODE": ENVIRONMENT.mode,
    "THROTTLES": ENVIRONMENT.throttles,
    # Of one user, all processes together; `socket_refused` of one network address.
    "RATES": {
        "message": Rate(burst=600, per_second=20),
        "emergency": Rate(burst=30, per_second=0.5),
        "search": Rate(burst=20, per_second=1),
        "upload": Rate(burst=30, per_second=0.5),
        "socket": Rate(burst=120, per_second=2),
        "socket_refused": Rate(burst=60, per_second=1),
        "notify": Rate(burst=60, per_second=1),
    },
    # In the data folder, or anywhere by its whole path; docs/guide/crisis-resources.md.
    "CRISIS_FILE": ENVIRONMENT.crisis_file,
    # How long a message may be edited, and how long an alert waits for a person.
    "EDIT_SECONDS": ENVIRONMENT.edit_seconds,
    "EMERGENCY_SECONDS": ENVIRONMENT.emergency_seconds,
    # Where an upload lies while it is looked at; how much of one user is kept.
    "UPLOADS": ENVIRONMENT.data / "uploads",
    "ATTACHMENT_QUOTA_BYTES": ENVIRONMENT.attachment_quota_bytes,
    "LANES": 2,
    "KEY_RING": key_ring(),
    "SCANNER": scanner(),
}
