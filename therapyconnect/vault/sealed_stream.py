"""Sealing of what is too long for one box: a stream in, a sealed stream out, in bounded memory.

The stream is cut into chunks of 1 MiB, each sealed with AES-256-GCM as in the STREAM construction
(Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015): a chunk's nonce is its position and whether it is the last one.
So a chunk that was altered, moved, left out, put in or cut off does not open, nor does a stream
that ends before its last chunk or goes on after it.

    sealed stream: head | chunk | chunk | … | last chunk (may be empty)
    head:          "TCSTREAM" 01 | ring's key (4) | salt (32) | length of note (4) | note
    chunk:         ciphertext of 1 MiB (the last one: up to that) | tag (16)

Each stream has a key of its own, HKDF-SHA256 of the ring's key, its purpose and a random salt of
256 bits; that is why its nonces may be counted. With every chunk the head, and a `context` that is
the caller's and is not stored, are authenticated: a stream does not open in another one's place.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from therapyconnect.vault.errors import SealBroken
from therapyconnect.vault.keyring import KEY_BYTES, KeyRing

CHUNK_BYTES: Final = 1 << 20
MAX_NOTE_BYTES: Final = 1 << 20
_MAGIC: Final = b"TCSTREAM\x01"
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class Source(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end only."""


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True)
class Head:
    """What a sealed stream says of itself, in clear. Nobody vouches for it before a chunk opens."""

    key_number: int
    salt: bytes
    note: bytes

    def encode(self) -> bytes:
        return b"".join((
            _MAGIC,
            self.key_number.to_bytes(4, "big"),
            self.salt,
            len(self.note).to_bytes(4, "big"),
            self.note,
        ))  # fmt: skip


def seal_stream(
    source: Source,
    sink: Sink,
    ring: KeyRing,
    *,
    purpose: str,
    context: bytes = b"",
    note: bytes = b"",
) -> None:
    """All of `source`, sealed with the ring's current key. `note` is readable, but not alterable.

    Where `source` raises, the last chunk is not written: what was written so far never opens as a
    whole.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise ValueError("the note is too long")
    head = Head(ring.current, secrets.token_bytes(_SALT_BYTES), note)
    box, bound = _box(ring, head, purpose, context)
    sink.write(head.encode())
    position = 0
    chunk = _read_whole(source, CHUNK_BYTES)
    while len(chunk) == CHUNK_BYTES and (following := _read_whole(source, CHUNK_BYTES)):
        sink.write(box.encrypt(_nonce(position, last=False), chunk, bound))
        position, chunk = position + 1, following
    sink.write(box.encrypt(_nonce(position, last=True), chunk, bound))


def read_head(source: Source) -> Head:
    """The head of a sealed stream, so that a person can be told what it needs; or `SealBroken`."""
    if _read_whole(source, len(_MAGIC)) != _MAGIC:
        raise _broken("not a sealed stream", "")
    fixed = _read_whole(source, 4 + _SALT_BYTES + 4)
    length = int.from_bytes(fixed[-4:], "big")
    note = _read_whole(source, length) if length <= MAX_NOTE_BYTES else b""
    if len(fixed) < 4 + _SALT_BYTES + 4 or len(note) != length:
        raise _broken("the head is cut short or altered", "")
    return Head(int.from_bytes(fixed[:4], "big"), fixed[4:-4], note)


def open_stream(
    source: Source, sink: Sink, ring: KeyRing, *, purpose: str, context: bytes = b""
) -> Head:
    """Write what was sealed to `sink`, each chunk once it is authenticated; returns the head.

    `SealBroken` where anything differs from what was sealed; nothing of the bad chunk is written,
    but what came before it was: who can't take a part of it opens it twice. `KeyMissing` where the
    ring lacks the key.
    """
    head = read_head(source)
    box, bound = _box(ring, head, purpose, context)
    position = 0
    sealed = _read_whole(source, CHUNK_BYTES + _TAG_BYTES)
    while True:
        following = _read_whole(source, CHUNK_BYTES + _TAG_BYTES)
        try:
            chunk = box.decrypt(_nonce(position, last=not following), sealed, bound)
        except InvalidTag:
            raise _broken("altered, cut short, or of another key ring", str(position)) from None
        sink.write(chunk)
        if not following:
            return head
        position, sealed = position + 1, following


def _box(ring: KeyRing, head: Head, purpose: str, context: bytes) -> tuple[AESGCM, bytes]:
    """The stream's own key, and what is authenticated with each of its chunks."""
    key = HKDF(hashes.SHA256(), length=KEY_BYTES, salt=head.salt, info=b"therapyconnect/stream")
    base = ring.derive(f"stream.{purpose}", head.key_number)
    # Both of a fixed length: no context can look like a part of the head.
    bound = hashlib.sha256(head.encode()).digest() + hashlib.sha256(context).digest()
    return AESGCM(key.derive(base)), bound


def _nonce(position: int, *, last: bool) -> bytes:
    return position.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


def _read_whole(source: Source, size: int) -> bytes:
    """`size` bytes, fewer at the end only: a pipe gives what it has."""
    parts: list[bytes] = []
    while size and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _broken(reason: str, chunk: str) -> SealBroken:
    return SealBroken(reason, scope="stream", table="", column="", row=chunk)
