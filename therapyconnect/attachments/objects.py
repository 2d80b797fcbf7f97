"""One part of an attachment, opened out of its sealed object: all of it, or any range."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from therapyconnect.attachments import storage
from therapyconnect.attachments.seals import PURPOSE, Part, place_of
from therapyconnect.attachments.selectors import Stored
from therapyconnect.core.ids import AttachmentRef
from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.sealed_stream import StreamReader, seal_stream


def seal_file(source: Path, sealed: Path, *, ref: AttachmentRef, part: Part, cipher: Cipher) -> int:
    """Write `source`, sealed for its place, to `sealed`; the length of what is inside."""
    size = source.stat().st_size
    with source.open("rb") as plain, sealed.open("xb") as sink:
        place = place_of(ref, part, size)
        seal_stream(plain, sink, cipher, purpose=PURPOSE, context=place)
    return size


@contextmanager
def opened(stored: Stored, part: Part, cipher: Cipher) -> Iterator[StreamReader]:
    """The part, while the object is open.

    `ObjectMissing` or `StoreDown` from the store; `SealBroken`, now or from a piece, where it is
    not what was put there.
    """
    found = stored.object_of(part)
    if found is None:
        raise storage.ObjectMissing
    name, size = found
    with storage.opened(name) as source:
        place = place_of(stored.ref, part, size)
        yield StreamReader(source, cipher, size=size, purpose=PURPOSE, context=place)


def as_file(reader: StreamReader) -> BinaryIO:
    """All of it to be read from the beginning."""
    return cast(BinaryIO, io.BufferedReader(_Pieces(reader.pieces(0, reader.size))))


class _Pieces(io.RawIOBase):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        self._rest = self._rest or next(self._pieces, b"")
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
