"""What `startproject` and the tutorial of Channels leave one with, on PostgreSQL.

Django's defaults stand: a connection is closed after each use (`CONN_MAX_AGE` 0). With `TUNED=1`
connections stay open, and the database calls get a pool of threads rather than one shared thread.
"""

import os

from psycopg.conninfo import conninfo_to_dict

TUNED = os.environ.get("TUNED") == "1"
SECRET_KEY = os.environ["PEER_SECRET"]
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "channels",
    "chat",
]
ASGI_APPLICATION = "mysite.asgi.application"
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
_database = conninfo_to_dict(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database["dbname"],
        "USER": _database["user"],
        "PASSWORD": _database["password"],
        "HOST": _database["host"],
        "PORT": _database["port"],
        "CONN_MAX_AGE": None if TUNED else 0,
    }
}
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
