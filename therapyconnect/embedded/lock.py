"""The keeper's lock: whoever holds it may touch the cluster, and nobody else.

A `lease` takes it and hands the open file to the keeper that it starts, so there is no moment in
which two keepers could both believe to be the one. The kernel drops it when its holder dies.
"""

from __future__ import annotations

import fcntl
import os

from .folder import Folder, keep_owner


def take(folder: Folder) -> int | None:
    """An inheritable descriptor that holds the lock; None when somebody else holds it."""
    fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        keep_owner(folder.lock)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not still_there(folder, fd):  # the folder was replaced meanwhile
            raise BlockingIOError
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def still_there(folder: Folder, fd: int) -> bool:
    """Whether the locked file is still the one in the folder, so that the lock means something."""
    try:
        there = os.stat(folder.lock)
    except OSError:
        return False
    held = os.fstat(fd)
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)
