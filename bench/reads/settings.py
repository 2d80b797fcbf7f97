"""The product's settings, and beside its routes those of the twin: one server serves both."""

from therapyconnect.config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.reads.urls"
