"""A file that is there whole or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from therapyconnect.ops.backups.errors import BackupError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write `path`, mode 0600: it appears under its name once all of it is on the disk.

    Until then it is `.NAME.part` beside it, held by a lock: what a killed one left is used again,
    and two at once do not mix. An older file of that name stays until the new one takes its place.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BackupError(f"{path} can't be written: {error.strerror}") from None
    with os.fdopen(descriptor, "r+b") as file:
        _take(file, part, path)
        try:
            os.fchmod(descriptor, 0o600)
            file.truncate()
            yield file
            file.flush()
            os.fsync(descriptor)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise BackupError(f"{path} can't be written: {error.strerror}") from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _take(file: BinaryIO, part: Path, path: Path) -> None:
    """Lock it, and see that it was not finished by another in between."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), part.stat()):
            return
    except OSError:
        pass
    raise BackupError(f"Another backup to {path} is running.")
