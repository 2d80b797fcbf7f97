"""Chosen once: the key ring, the attachments' store of sealed objects, the virus scanner."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.core.exceptions import ImproperlyConfigured

from therapyconnect.attachments.scanning import Scanner, scanner_from
from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.vault.errors import VaultError
from therapyconnect.vault.keyring import KeyRing, create_ring_file, ring_from_file, ring_from_text


@cache
def key_ring() -> KeyRing:
    """The installation's key ring; in demo mode it is made on first use.

    Production wants keys of its own: none are made up there.
    """
    if ENVIRONMENT.keys:
        ring = ring_from_text(ENVIRONMENT.keys)
    elif ENVIRONMENT.key_file.exists():
        ring = ring_from_file(ENVIRONMENT.key_file)
    elif ENVIRONMENT.production:
        raise VaultError(
            "production needs its own keys: set THERAPYCONNECT_KEYS or THERAPYCONNECT_KEY_FILE"
        )
    else:
        ring = create_ring_file(ENVIRONMENT.key_file)
    if ENVIRONMENT.production and (ring.generated or _was_generated(ring)):
        raise VaultError("production refuses a key ring that was generated for the demo")
    return ring


def attachment_store(setting: str, data: Path) -> dict[str, Any]:
    """Django's `STORAGES` entry: a folder of the data folder, or `s3://bucket?endpoint=…`.

    Of a bucket: `endpoint` (else Amazon's), `region`, `prefix`. Credentials are boto3's affair:
    its environment variables, files or the machine's role.
    """
    if not setting:
        return {
            "BACKEND": "therapyconnect.attachments.storage.DurableFolder",
            "OPTIONS": {"location": str(data / "attachments")},
        }
    parts = urlsplit(setting)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = given.keys() - {"endpoint", "region", "prefix"}
    if parts.scheme != "s3" or not parts.netloc or parts.path.strip("/") or unknown:
        raise ImproperlyConfigured(
            "THERAPYCONNECT_STORAGE looks like s3://bucket?endpoint=https://host&region=name"
        )
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "endpoint_url": given.get("endpoint"),
            "region_name": given.get("region"),
            "location": given.get("prefix", ""),
            "default_acl": None,
            "file_overwrite": False,
            "querystring_auth": True,
            # What is larger goes to an unnamed file: else an object would be held in memory whole.
            "max_memory_size": 1 << 20,
            "client_config": _patient_client("path" if "endpoint" in given else "auto"),
        },
    }


def _patient_client(addressing: str) -> Any:
    """Bounded waits: a bucket that does not answer is a 503, not a thread for ever."""
    from botocore.config import Config

    return Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"total_max_attempts": 2},
        s3={"addressing_style": addressing},
    )


def _was_generated(ring: KeyRing) -> bool:
    """Whether a key of `ring` was copied out of a generated file beside it."""
    if not ENVIRONMENT.key_file.exists():
        return False
    beside = ring_from_file(ENVIRONMENT.key_file)
    return beside.generated and bool(set(beside.keys.values()) & set(ring.keys.values()))


@cache
def scanner() -> Scanner | None:
    """What attachments are scanned with; None where the operator goes without."""
    return scanner_from(ENVIRONMENT.clamav)
