"""How far it is, for whoever sits in front of it; nothing where no terminal is."""

from __future__ import annotations

import time
from typing import Final, TextIO

from therapyconnect.vault.sealed_stream import Sink

_EVERY_SECONDS: Final = 0.2


class Progress:
    """A line that is written anew, on a terminal only."""

    def __init__(self, out: TextIO, doing: str, total: int | None = None) -> None:
        self._out, self._doing, self._total = out, doing, total
        self._shown = out.isatty()
        self._next = 0.0
        self.bytes = 0

    def add(self, size: int) -> None:
        self.bytes += size
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY_SECONDS
            share = f" of {as_size(self._total)}" if self._total else ""
            self._out.write(f"\r{self._doing}: {as_size(self.bytes)}{share}  ")
            self._out.flush()

    def end(self) -> None:
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()


class Counted:
    """A sink that tells its progress."""

    def __init__(self, sink: Sink, progress: Progress) -> None:
        self._sink, self._progress = sink, progress

    def write(self, data: bytes) -> None:
        self._sink.write(data)
        self._progress.add(len(data))


def as_size(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
