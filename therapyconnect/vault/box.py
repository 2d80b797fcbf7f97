"""Sealing of small secrets that belong to no chat: second factors, sessions.

The key is derived from the key ring for each purpose, so nothing about it is in the database.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from therapyconnect.vault.errors import SealBroken
from therapyconnect.vault.keyring import KeyRing
from therapyconnect.vault.nonces import NONCE_BYTES, nonce

_HEAD = 3
_FORMAT = b"\x02"


def seal(ring: KeyRing, purpose: str, value: bytes, *, bound: str = "") -> bytes:
    """`value` sealed for `purpose`, openable only with the same `bound`."""
    head = _FORMAT + ring.current.to_bytes(2, "big")
    fresh = nonce()
    box = _box(ring.derive(f"box.{purpose}"))
    return head + fresh + box.encrypt(fresh, value, head + bound.encode())


def unseal(ring: KeyRing, purpose: str, sealed: bytes, *, bound: str = "") -> bytes:
    """The value, or `SealBroken`."""
    sealed = bytes(sealed)
    head = sealed[:_HEAD]
    version = int.from_bytes(head[1:], "big")
    if len(sealed) < _HEAD + NONCE_BYTES + 16 or head[:1] != _FORMAT or version not in ring.keys:
        raise SealBroken("not a sealed value", scope=purpose, table="", column="", row="")
    cut = _HEAD + NONCE_BYTES
    try:
        return _box(ring.derive(f"box.{purpose}", version)).decrypt(
            sealed[_HEAD:cut], sealed[cut:], head + bound.encode()
        )
    except InvalidTag:
        raise SealBroken("altered or moved", scope=purpose, table="", column="", row="") from None


@lru_cache(maxsize=64)
def _box(key: bytes) -> AESGCM:
    return AESGCM(key)
