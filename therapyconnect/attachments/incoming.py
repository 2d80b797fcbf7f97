"""Where an upload lies in clear while it is looked at: one folder each, gone with its request.

Each process has a folder of its own, held by a lock for as long as the process lives. What a killed
one left is removed by whoever starts next.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings

_GATE: Final = ".gate"


class Incoming:
    """The process's folder of uploads under `root`, mode 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own = root / f"{os.getpid()}-{secrets.token_hex(4)}"
        with self._gate():  # else another one that starts now could take it for left behind
            self._own.mkdir(mode=0o700)
            self._held = _lock(self._own)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder for one upload; removed with all that is in it."""
        made = self._own / secrets.token_hex(8)
        made.mkdir(mode=0o700)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what processes left that live no more; how many had."""
        swept = 0
        with self._gate():
            for left in self._root.iterdir():
                if left == self._own or not left.is_dir():
                    continue
                held = _lock(left)
                if held is not None:
                    shutil.rmtree(left, ignore_errors=True)
                    os.close(held)
                    swept += 1
        return swept

    @contextmanager
    def _gate(self) -> Iterator[None]:
        descriptor = os.open(self._root / _GATE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock; None where a living process has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


@cache
def incoming() -> Incoming:
    """The process's own."""
    return Incoming(settings.THERAPYCONNECT["UPLOADS"])
