"""The zip container of office files, taken apart by hand where a library would trust it."""

from __future__ import annotations

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from therapyconnect.attachments.inspection.limits import (
    MAX_ENTRIES,
    MAX_INFLATED,
    MAX_RATIO,
    RATIO_FROM,
)
from therapyconnect.attachments.inspection.outcome import refusal

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_END_SIZE: Final = 22
_MOST_AFTER_ENTRY: Final = 24
"""A data descriptor, the largest kind."""
_ENCRYPTED: Final = 0x1 | 0x40 | 0x2000
_TRICKS: Final = re.compile(r"^[/\\]|\\|(^|/)\.\.?(/|$)|//|^[a-zA-Z]:|[\x00-\x1f\x7f]")
_PIECE: Final = 64 * 1024


class Archive:
    """Entries of a zip file that is only that: nothing before, between or behind them.

    What the directory at the end says agrees with what lies at the entries themselves; no two share
    a name, nor bytes; none is encrypted.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflated = 0
        try:
            # zipfile reads the directory at the end, and nothing else is asked of it.
            directory = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            raise refusal("damaged_file") from None
        self.size = file.seek(0, 2)
        self.entries = directory.infolist()
        if not 0 < len(self.entries) <= MAX_ENTRIES:
            raise refusal("expands_too_far" if self.entries else "damaged_file")
        if directory.comment or self._ends_elsewhere(directory.start_dir):
            raise refusal("damaged_file")
        self._judge_names()
        self._starts = self._judge_places(directory.start_dir)
        if sum(entry.file_size for entry in self.entries) > MAX_INFLATED:
            raise refusal("expands_too_far")

    @property
    def names(self) -> list[str]:
        return [entry.filename for entry in self.entries]

    def chunks(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """Its content, inflated for real within bounds; raises unless it is as declared."""
        self._file.seek(self._starts[entry.header_offset])
        stored = entry.compress_type == zipfile.ZIP_STORED
        size = check = 0
        for piece in self._stored(entry) if stored else self._deflated(entry):
            size += len(piece)
            check = zlib.crc32(piece, check)
            self._count(len(piece))
            if size > entry.file_size:
                raise refusal("expands_too_far")
            yield piece
        if size != entry.file_size or check != entry.CRC:
            raise refusal("damaged_file")

    def _stored(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        left = entry.compress_size
        while left:
            piece = self._file.read(min(_PIECE, left))
            if not piece:
                raise refusal("damaged_file")
            left -= len(piece)
            yield piece

    def _deflated(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        """In pieces of bounded size, however little input makes them."""
        inflater = zlib.decompressobj(-15)
        for raw in self._stored(entry):
            while piece := inflater.decompress(raw, _PIECE):
                yield piece
                raw = inflater.unconsumed_tail
        if not inflater.eof or inflater.unused_data:
            raise refusal("damaged_file")

    def _count(self, more: int) -> None:
        self._inflated += more
        if self._inflated > MAX_INFLATED:
            raise refusal("expands_too_far")
        if self._inflated > RATIO_FROM and self._inflated > MAX_RATIO * self.size:
            raise refusal("expands_too_far")

    def _ends_elsewhere(self, start_dir: int) -> bool:
        """Whether something lies behind the end record, or it points somewhere else."""
        self._file.seek(self.size - _END_SIZE)
        end = self._file.read(_END_SIZE)
        if end[:4] != b"PK\x05\x06":
            return True
        size, offset = struct.unpack("<2L", end[12:20])
        return bool(offset != start_dir or offset + size != self.size - _END_SIZE)

    def _judge_names(self) -> None:
        seen: set[str] = set()
        for entry in self.entries:
            folded = unicodedata.normalize("NFC", entry.orig_filename).casefold()
            if _TRICKS.search(entry.orig_filename) or folded in seen:
                raise refusal("damaged_file")
            seen.add(folded)
            if entry.flag_bits & _ENCRYPTED:
                raise refusal("encrypted_file")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refusal("unsupported_type")

    def _judge_places(self, end: int) -> dict[int, int]:
        """Where each entry's bytes begin; they lie one behind the other, from the first byte on."""
        starts = {}
        expected = 0
        for entry in sorted(self.entries, key=lambda entry: entry.header_offset):
            gap = entry.header_offset - expected
            if gap < 0 or gap > (_MOST_AFTER_ENTRY if expected else 0):
                raise refusal("damaged_file")
            self._file.seek(entry.header_offset)
            header = self._file.read(_LOCAL.size)
            if len(header) < _LOCAL.size:
                raise refusal("damaged_file")
            magic, _, flags, method, *_, name_size, extra_size = _LOCAL.unpack(header)
            name = self._file.read(name_size)
            agreed = entry.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", "replace")
            if magic != b"PK\x03\x04" or name != agreed or method != entry.compress_type:
                raise refusal("damaged_file")
            if flags & _ENCRYPTED:
                raise refusal("encrypted_file")
            start = entry.header_offset + _LOCAL.size + name_size + extra_size
            starts[entry.header_offset] = start
            expected = start + entry.compress_size
        if not 0 <= end - expected <= _MOST_AFTER_ENTRY:
            raise refusal("damaged_file")
        return starts
