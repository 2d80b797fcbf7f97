"""Chosen once: the key ring, the store of data keys that hangs on it, the virus scanner."""

from __future__ import annotations

from functools import cache

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
