"""Make a backup: one consistent snapshot of the database, sealed on its way into the file."""

from __future__ import annotations

from typing import Final, TextIO

from therapyconnect.ops.backups.note import PURPOSE, Note, note_of
from therapyconnect.ops.backups.progress import Counted, Progress
from therapyconnect.ops.backups.tools import Tool, connect, dump_arguments
from therapyconnect.vault.keyring import KeyRing
from therapyconnect.vault.sealed_stream import Sink, seal_stream

_READ_BYTES: Final = 1 << 16


class _Dump:
    """pg_dump's output. Its end is its end only once pg_dump says that it was successful."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool

    def read(self, size: int, /) -> bytes:
        data = self._tool.output.read(min(size, _READ_BYTES))
        if not data:
            self._tool.finish()
        return data


def make_backup(sink: Sink, ring: KeyRing, *, out: TextIO) -> tuple[Note, int]:
    """Write a backup to `sink` while the server runs; its note and its length in bytes.

    Where anything fails the sealed stream has no end, and so never opens: `BackupError`.
    """
    progress = Progress(out, "sealed")
    with connect() as connection:
        # One snapshot for both: what the note says is true of what is dumped.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        note = note_of(connection)
        with Tool("pg_dump", *dump_arguments(), f"--snapshot={row[0]}") as dump:
            seal_stream(
                _Dump(dump), Counted(sink, progress), ring, purpose=PURPOSE, note=note.encode()
            )
    progress.end()
    return note, progress.bytes
