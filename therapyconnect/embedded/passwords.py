"""The two passwords of an embedded server, generated once and kept in 0600 files beside it."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from .folder import PORT, Folder, keep_owner, write_private

SUPERUSER = "postgres"
APPLICATION = "therapyconnect"


@dataclass(frozen=True)
class Passwords:
    """`new` says that at least one had to be made, so the server has to be told."""

    superuser: str
    application: str
    new: bool = False


def ensure(folder: Folder) -> Passwords:
    """Read both, and make what is missing; call it with the keeper's lock held."""
    made = False
    for name in ("superuser", "application"):
        path = folder.data / f"{name}.password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(32).encode() + b"\n")
            keep_owner(path)
            made = True
    found = read(folder)
    return Passwords(found.superuser, found.application, new=made)


def read(folder: Folder) -> Passwords:
    """Read both; they are there once a server has become ready."""
    superuser, application = (
        (folder.data / f"{name}.password").read_text().strip()
        for name in ("superuser", "application")
    )
    return Passwords(superuser, application)


def url(folder: Folder, *, user: str, password: str, database: str) -> str:
    """A libpq URL over the server's socket; works for psql, psycopg and Django alike."""
    host = quote(os.fsencode(folder.server_socket_dir), safe="/")
    return f"postgresql://{user}:{quote(password, safe='')}@/{database}?host={host}&port={PORT}"
