"""Sealing with the data keys of one scope (a chat)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from therapyconnect.vault.errors import KeyMissing, SealBroken
from therapyconnect.vault.keyring import derive
from therapyconnect.vault.nonces import NONCE_BYTES, nonce

_FORMAT = b"\x01"
_HEAD = 3  # format byte, key version as two bytes
_MAC_BYTES = 16


class Cipher:
    """Seals and opens the values of one scope.

    A sealed value is `format(1) | key version(2) | nonce(12) | ciphertext and tag`. Table, column,
    scope, row and key version are authenticated with it: a value that is put into another place
    does not open there.
    """

    __slots__ = ("_boxes", "_keys", "current", "scope")

    def __init__(self, scope: str, keys: Mapping[int, bytes]) -> None:
        self.scope = scope
        self.current = max(keys)
        self._keys = dict(keys)
        self._boxes = {version: AESGCM(key) for version, key in keys.items()}

    def seal(self, value: bytes, *, table: str, column: str, row: str) -> bytes:
        fresh = nonce()
        head = _FORMAT + self.current.to_bytes(2, "big")
        bound = self._bound(head, table, column, row)
        return head + fresh + self._boxes[self.current].encrypt(fresh, value, bound)

    def open(self, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
        """The value, or `SealBroken`: never anything else."""
        sealed = bytes(sealed)
        head = sealed[:_HEAD]
        if len(sealed) < _HEAD + NONCE_BYTES + 16 or head[:1] != _FORMAT:
            raise self._broken("not a sealed value", table, column, row)
        box = self._boxes.get(int.from_bytes(head[1:], "big"))
        if box is None:
            raise self._broken("sealed with an unknown key version", table, column, row)
        cut = _HEAD + NONCE_BYTES
        try:
            return box.decrypt(
                sealed[_HEAD:cut], sealed[cut:], self._bound(head, table, column, row)
            )
        except InvalidTag:
            raise self._broken("altered or moved", table, column, row) from None

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """32 bytes for one purpose of this scope, from its key of `version` (default: current).

        As a key ring's, so that a chat's files can be sealed as streams (`sealed_stream`).
        """
        key = self._keys.get(self.current if version is None else version)
        if key is None:
            raise KeyMissing(f"the scope has no key {version}")
        return derive(key, purpose)

    def fingerprint(self, value: bytes) -> bytes:
        """A keyed digest that tells whether a value is the same one, and nothing else about it."""
        return self.current.to_bytes(2, "big") + self._mac(self.current, value)

    def matches(self, fingerprint: bytes, value: bytes) -> bool:
        fingerprint = bytes(fingerprint)
        version = int.from_bytes(fingerprint[:2], "big")
        if version not in self._keys:
            return False
        return hmac.compare_digest(fingerprint[2:], self._mac(version, value))

    def _mac(self, version: int, value: bytes) -> bytes:
        keyed = hashlib.blake2b(
            value, key=self._keys[version], digest_size=_MAC_BYTES, person=b"tc-fingerprint"
        )
        return keyed.digest()

    def _bound(self, head: bytes, table: str, column: str, row: str) -> bytes:
        return head + f"{table}\x1f{column}\x1f{self.scope}\x1f{row}".encode()

    def _broken(self, reason: str, table: str, column: str, row: str) -> SealBroken:
        return SealBroken(reason, scope=self.scope, table=table, column=column, row=row)
