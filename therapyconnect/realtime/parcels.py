"""Parcels: the notes of one node, packed to what a broker carries at once, and numbered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from therapyconnect.core import clock
from therapyconnect.realtime.notes import Note


class Parcel(msgspec.Struct, array_like=True):
    """Notes of one node, in the order in which it told them.

    `number` counts the node's parcels from 1, `at` is when it was packed, in seconds of the epoch.
    Both are 0 from a version that did not count.
    """

    node: str
    notes: list[Note]
    number: int = 0
    at: float = 0.0


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Parcel).decode
_TAIL: Final = 40
"""Bytes kept free for number and time."""


class Packer:
    """Packs for one node; no two of its parcels are alike."""

    def __init__(self, node: str) -> None:
        self._node = _encode(node)
        self._number = 0

    def pack(self, notes: Iterable[Note], *, most: int) -> Iterator[bytes]:
        """Parcels of at most `most` bytes each; a note that fits into none is left out."""
        frame = len(self._node) + len(b"[,[],,]") + _TAIL
        held: list[bytes] = []
        size = frame
        for note in notes:
            encoded = _encode(note)
            if size + len(encoded) + 1 > most and held:
                yield self._join(held)
                held, size = [], frame
            if frame + len(encoded) <= most:
                held.append(encoded)
                size += len(encoded) + 1
        if held:
            yield self._join(held)

    def _join(self, notes: list[bytes]) -> bytes:
        self._number += 1
        at = clock.now().timestamp()
        return b"[%s,[%s],%d,%.3f]" % (self._node, b",".join(notes), self._number, at)


def unpack(parcel: bytes) -> Parcel | None:
    """None where it is none of ours, or of a version that says more than this one knows."""
    try:
        return _decode(parcel)
    except msgspec.DecodeError:
        return None
