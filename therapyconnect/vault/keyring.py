"""The key ring: the only secrets of an installation that are not in its database.

A ring holds numbered 256-bit keys. The highest number seals; the others still open what they
sealed. It comes from `THERAPYCONNECT_KEYS` (`1:BASE64,2:BASE64`) or from a file of mode 0600.
All other secrets (token signing, session digests) are derived from it with HKDF-SHA256, so that
one thing needs guarding and one thing needs a backup.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from therapyconnect.vault.errors import KeyMissing, VaultError

KEY_BYTES = 32
_NONCE_BYTES = 12


@dataclass(frozen=True)
class KeyRing:
    """Numbered keys. `generated` is true where this program made them up (demo, development)."""

    keys: Mapping[int, bytes]
    generated: bool = False

    def __post_init__(self) -> None:
        if not self.keys:
            raise VaultError("the key ring is empty")
        if any(version < 1 or len(key) != KEY_BYTES for version, key in self.keys.items()):
            raise VaultError("a key is 32 bytes, and its number is 1 or more")

    @property
    def current(self) -> int:
        return max(self.keys)

    @property
    def oldest(self) -> int:
        return min(self.keys)

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """32 bytes for one purpose, from the key of `version` (default: the current one)."""
        return derive(self._key(self.current if version is None else version), purpose)

    def wrap(self, key: bytes, *, bound: bytes) -> tuple[bytes, int]:
        """`key` encrypted, bound to `bound`, and the number of the ring's key that did it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        box = AESGCM(self.derive("vault.wrap"))
        return nonce + box.encrypt(nonce, key, bound), self.current

    def unwrap(self, wrapped: bytes, *, bound: bytes, version: int) -> bytes:
        box = AESGCM(self.derive("vault.wrap", version))
        try:
            return box.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
        except InvalidTag:
            raise VaultError("a data key does not open with this key ring") from None

    def _key(self, version: int) -> bytes:
        try:
            return self.keys[version]
        except KeyError:
            raise KeyMissing(f"the key ring has no key {version}") from None


@lru_cache(maxsize=256)
def derive(key: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose, from a key: HKDF-SHA256."""
    hkdf = HKDF(
        hashes.SHA256(), length=KEY_BYTES, salt=None, info=f"therapyconnect/{purpose}".encode()
    )
    return hkdf.derive(key)


def ring_from_text(text: str) -> KeyRing:
    """A ring from `1:BASE64,2:BASE64`."""
    keys: dict[int, bytes] = {}
    try:
        for part in text.split(","):
            number, _, value = part.strip().partition(":")
            keys[int(number)] = base64.b64decode(value, validate=True)
    except (ValueError, binascii.Error):
        raise VaultError("THERAPYCONNECT_KEYS must look like 1:BASE64[,2:BASE64]") from None
    return KeyRing(keys)


def ring_from_file(path: Path) -> KeyRing:
    """A ring from its file; one that others may read is refused."""
    mode = path.stat().st_mode & 0o077
    if mode:
        raise VaultError(f"{path} can be read by others: chmod 600 {path}")
    try:
        data = json.loads(path.read_text())
        keys = {int(n): base64.b64decode(k, validate=True) for n, k in data["keys"].items()}
        return KeyRing(keys, generated=bool(data.get("generated", False)))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise VaultError(f"{path} is not a key ring") from None


def create_ring_file(path: Path) -> KeyRing:
    """Make a first ring at `path`, mode 0600. Of two that do this at once, one wins for both.

    The file appears whole or not at all: it is written aside, synced, then linked into place,
    which fails where one exists, so that a ring in use is never replaced.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump({"generated": True, "keys": {"1": key}}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        aside.unlink(missing_ok=True)
    return ring_from_file(path)
