"""Sealing of what is too long for one box: a stream in, a sealed stream out, in bounded memory.

The stream is cut into chunks of 1 MiB, each sealed with AES-256-GCM as in the STREAM construction
(Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015): a chunk's nonce is its position and whether it is the last one.
So a chunk that was altered, moved, left out, put in or cut off does not open, nor does a stream
that ends before its last chunk or goes on after it.

    sealed stream: head | chunk | chunk | … | last chunk (may be empty)
    head:          "TCSTREAM" 01 | key's number (4) | salt (32) | length of note (4) | note
    chunk:         ciphertext of 1 MiB (the last one: up to that) | tag (16)

Each stream has a key of its own, HKDF-SHA256 of a base key, its purpose and a random salt of
256 bits; that is why its nonces may be counted. The base is of the key ring (a backup), or a chat's
data key (an attachment), which is gone with the chat's key. With every chunk the head, and a
`context` that is the caller's and is not stored, are authenticated: a stream does not open in
another one's place. As chunks are of one size, any of them can be read without those before it
(`StreamReader`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from therapyconnect.vault.errors import SealBroken
from therapyconnect.vault.keyring import KEY_BYTES

CHUNK_BYTES: Final = 1 << 20
MAX_NOTE_BYTES: Final = 1 << 20
_MAGIC: Final = b"TCSTREAM\x01"
_SALT_BYTES: Final = 32
_TAG_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class Source(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end only."""


class Seekable(Source, Protocol):
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Keys(Protocol):
    """Numbered base keys: a `KeyRing`, or a chat's `Cipher`."""

    @property
    def current(self) -> int:
        """The number of the key that seals."""
        ...

    def derive(self, purpose: str, version: int | None = None) -> bytes:
        """32 bytes for one purpose; `KeyMissing` where there is no such key."""
        ...


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
    keys: Keys,
    *,
    purpose: str,
    context: bytes = b"",
    note: bytes = b"",
) -> None:
    """All of `source`, sealed with the current key. `note` is readable, but not alterable.

    Where `source` raises, the last chunk is not written: what was written so far never opens as a
    whole.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise ValueError("the note is too long")
    head = Head(keys.current, secrets.token_bytes(_SALT_BYTES), note)
    box, bound = _box(keys, head, purpose, context)
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
    source: Source, sink: Sink, keys: Keys, *, purpose: str, context: bytes = b""
) -> Head:
    """Write what was sealed to `sink`, each chunk once it is authenticated; returns the head.

    `SealBroken` where anything differs from what was sealed; nothing of the bad chunk is written,
    but what came before it was: who can't take a part of it opens it twice. `KeyMissing` where the
    key is not there.
    """
    head = read_head(source)
    box, bound = _box(keys, head, purpose, context)
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


def sealed_size(size: int, *, note_bytes: int = 0) -> int:
    """The length of a sealed stream of `size` bytes."""
    chunks = max(1, -(-size // CHUNK_BYTES))
    return len(_MAGIC) + 4 + _SALT_BYTES + 4 + note_bytes + size + chunks * _TAG_BYTES


class StreamReader:
    """Any part of a sealed stream whose content is `size` bytes long.

    That length is the caller's knowledge, put into `context` where it was sealed: a chunk tells
    only whether it is the last. `SealBroken` where the stream's own length says otherwise.
    """

    def __init__(
        self, source: Seekable, keys: Keys, *, size: int, purpose: str, context: bytes = b""
    ) -> None:
        self.size = size
        self._source = source
        self._chunks = max(1, -(-size // CHUNK_BYTES))
        head = read_head(source)
        if source.seek(0, 2) != sealed_size(size, note_bytes=len(head.note)):
            raise _broken("not of its length", "")
        self._start = len(head.encode())
        self._box, self._bound = _box(keys, head, purpose, context)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`, a chunk's worth at a time."""
        position = start // CHUNK_BYTES
        while start < stop:
            chunk = self._chunk(position)
            begin = start - position * CHUNK_BYTES
            piece = chunk[begin : begin + stop - start]
            yield piece
            start += len(piece)
            position += 1

    def _chunk(self, position: int) -> bytes:
        sealed_bytes = CHUNK_BYTES + _TAG_BYTES
        self._source.seek(self._start + position * sealed_bytes)
        sealed = _read_whole(self._source, sealed_bytes)
        last = position == self._chunks - 1
        try:
            return self._box.decrypt(_nonce(position, last=last), sealed, self._bound)
        except InvalidTag:
            raise _broken("altered, moved, or of another key", str(position)) from None


def _box(keys: Keys, head: Head, purpose: str, context: bytes) -> tuple[AESGCM, bytes]:
    """The stream's own key, and what is authenticated with each of its chunks."""
    key = HKDF(hashes.SHA256(), length=KEY_BYTES, salt=head.salt, info=b"therapyconnect/stream")
    base = keys.derive(f"stream.{purpose}", head.key_number)
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
