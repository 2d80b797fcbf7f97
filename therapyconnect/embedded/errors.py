"""The one error of this room, and how PostgreSQL's own words become one line for a person."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path

OWN_SERVER = "or set DATABASE_URL to a PostgreSQL 15 or newer of your own"

# What PostgreSQL says -> what to tell. First match wins, so the more telling comes first.
_KNOWN = (
    (
        "No space left on device",
        "The disk that holds {data} is full: free space, start again.",
    ),
    ("Disk quota exceeded", "The disk quota for {data} is used up: free space, start again."),
    ("Read-only file system", "{data} is on a read-only file system: choose another folder."),
    (
        "Cannot allocate memory",
        "There is not enough memory to start PostgreSQL on {data}: free some, " + OWN_SERVER + ".",
    ),
    (
        "database files are incompatible with server",
        "The database in {data} was made by another build of PostgreSQL: move the folder away "
        "to start afresh, " + OWN_SERVER + ".",
    ),
)


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be used; `str()` is one line that says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def explain(said: Iterable[str], *, data: Path, log: Path) -> EmbeddedPostgresError:
    """One line for what PostgreSQL `said` when it would not start on `data`."""
    lines = [line.strip() for line in said if line.strip()]
    text = "\n".join(lines)
    for phrase, message in _KNOWN:
        if phrase in text:
            return EmbeddedPostgresError(message.format(data=data))
    tail = " | ".join(lines[-4:]) or "it said nothing"
    return EmbeddedPostgresError(
        f"PostgreSQL could not start on {data}; its last words ({log}): {tail}"
    )


def explain_os_error(error: OSError, *, data: Path) -> EmbeddedPostgresError:
    """One line for an operating-system error met on `data`."""
    if error.errno == errno.ENOSPC:
        return EmbeddedPostgresError(_KNOWN[0][1].format(data=data))
    if error.errno == errno.EDQUOT:
        return EmbeddedPostgresError(_KNOWN[1][1].format(data=data))
    if error.errno == errno.EROFS:
        return EmbeddedPostgresError(_KNOWN[2][1].format(data=data))
    if error.errno in (errno.EACCES, errno.EPERM):
        return EmbeddedPostgresError(
            f"The database folder {data} cannot be written by this user: change its owner, "
            "or set THERAPYCONNECT_DATA to a folder of your own."
        )
    return EmbeddedPostgresError(f"The database folder {data} cannot be used: {error}")
