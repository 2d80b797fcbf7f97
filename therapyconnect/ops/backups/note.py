"""What a backup says of itself, readable without a key and authenticated by its seal."""

from __future__ import annotations

from typing import Final

import msgspec
import psycopg

import therapyconnect
from therapyconnect.core import clock
from therapyconnect.ops.backups.errors import BackupError

FORMAT: Final = 1
PURPOSE: Final = "backup"


class Note(msgspec.Struct, kw_only=True, frozen=True):
    """`keys` are the numbers of the ring's keys that its rows need; `migrations` are `app.name`."""

    format: int
    made_at: str
    version: str
    postgres: int
    migrations: list[str]
    keys: list[int]

    def encode(self) -> bytes:
        return msgspec.json.encode(self)


def note_of(connection: psycopg.Connection) -> Note:
    """The note for a backup of this database, as it stands."""
    found = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
    if found is None or not found[0]:
        raise BackupError("There is nothing to back up: this database was never migrated.")
    applied = connection.execute("SELECT app || '.' || name FROM django_migrations ORDER BY 1")
    try:
        keys = connection.execute("SELECT DISTINCT wrapped_by FROM vault_datakey ORDER BY 1")
    except psycopg.errors.UndefinedTable:
        raise BackupError("This database is not fully migrated: run migrate first.") from None
    return Note(
        format=FORMAT,
        made_at=clock.now().isoformat(timespec="seconds"),
        version=therapyconnect.__version__,
        postgres=connection.info.server_version,
        migrations=[row[0] for row in applied],
        keys=[row[0] for row in keys],
    )


def decode(data: bytes) -> Note:
    """The note of a backup that this program can restore, its rows' meaning aside."""
    try:
        form = msgspec.json.decode(data, type=dict[str, object]).get("format")
        if form == FORMAT:
            return msgspec.json.decode(data, type=Note)
    except msgspec.DecodeError:
        raise BackupError("This is no backup of TherapyConnect.") from None
    raise BackupError(f"The backup has format {form}, of a newer version: update this one first.")
