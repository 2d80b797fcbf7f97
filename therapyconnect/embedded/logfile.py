"""A log file of bounded size that another process writes."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_LIMIT = 10 * 1024 * 1024
_TAIL = 64 * 1024


class LogFile:
    """At most `limit` bytes and a little, and as much again in one older part, `<name>.1`."""

    def __init__(self, path: Path, *, limit: int = _LIMIT) -> None:
        self.path = path
        self._limit = limit

    def append(self) -> BinaryIO:
        """Open it for the writer. Only appending writers survive `trim`."""
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def trim(self) -> None:
        """Move what is there to the older part when the limit is passed.

        The writer keeps its descriptor, so the file is copied and emptied rather than renamed; a
        line written in between is lost. On a full disk the older part is kept as far as it fits.
        """
        if self.size() > self._limit:
            older = self.path.with_name(f"{self.path.name}.1")
            with suppress(OSError):
                shutil.copyfile(self.path, older)
                older.chmod(0o600)
            os.truncate(self.path, 0)

    def lines_since(self, start: int) -> list[str]:
        """The last lines after byte `start`, at most 64 KiB of them."""
        size = self.size()
        if start > size:  # trimmed meanwhile
            start = 0
        if size == 0:
            return []
        with open(self.path, "rb") as file:
            file.seek(max(start, size - _TAIL))
            return file.read().decode(errors="replace").splitlines()
