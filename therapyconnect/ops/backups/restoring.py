"""Restore a backup into a database that nobody uses: all of it, or nothing.

First the whole file is opened to nowhere, so that nothing is touched for a damaged one. Then it is
opened a second time, turned into SQL by pg_restore, and run by psql in one transaction, which ends
with what a restore must change. Whatever breaks before its COMMIT leaves the database as it was.
"""

from __future__ import annotations

import os
import shutil
from threading import Thread
from typing import IO, BinaryIO, Final, LiteralString, TextIO

import psycopg
from django.db.migrations.loader import MigrationLoader

from therapyconnect.ops.backups import note as notes
from therapyconnect.ops.backups.errors import BackupError
from therapyconnect.ops.backups.note import PURPOSE, Note
from therapyconnect.ops.backups.progress import Counted, Progress
from therapyconnect.ops.backups.tools import Tool, connect
from therapyconnect.vault.errors import KeyMissing, SealBroken, VaultError
from therapyconnect.vault.keyring import KeyRing
from therapyconnect.vault.sealed_stream import Sink, open_stream, read_head

# pg_restore 18 sets what PostgreSQL 15 and 16 do not know; it is 0 wherever it is known.
_UNKNOWN_TO_OLDER: Final = b"SET transaction_timeout"
_PREAMBLE_LINES: Final = 60
_AS_SCRIPT: Final = ("--no-owner", "--no-privileges", "--file=-")
_QUIETLY: Final = (
    "--no-psqlrc",
    "--quiet",
    f"--output={os.devnull}",
    "--set=ON_ERROR_STOP=1",
    # An error's words quote the row that it is about; its code is enough.
    "--set=VERBOSITY=sqlstate",
    "--set=SHOW_CONTEXT=never",
)

_TABLES_SQL: Final = """
    SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
# Of people and programs only: the server's own workers have no user.
_OTHERS_SQL: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename IS NOT NULL
"""
# A partition goes with its table, which may come first.
_CLEAR_SQL: Final = b"""
DO $$ DECLARE old record; BEGIN
  FOR old IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', old.tablename);
  END LOOP;
END $$;
"""
# A session that was ended after the backup must not come alive again: all log in anew. And any
# number may have been given before to something else, by this chat or by one of the same name that
# is not in the backup, before this restore or an earlier one: see `forked_seq`.
_AFTERWARDS_SQL: Final = b"""
DELETE FROM public.accounts_session;
DELETE FROM public.usersessions_usersession;
ALTER TABLE public.messaging_chat ADD COLUMN IF NOT EXISTS forked_seq bigint;
ALTER TABLE public.messaging_chat ALTER COLUMN forked_seq SET DEFAULT 0;
UPDATE public.messaging_chat SET forked_seq = 0;
COMMIT;
"""


def check_backup(file: BinaryIO, ring: KeyRing, *, out: TextIO) -> Note:
    """Open all of it to nowhere; its note, or `BackupError`. Touches no database."""
    size = os.fstat(file.fileno()).st_size
    progress = Progress(out, "checked", size)
    try:
        head = read_head(file)
        if head.key_number not in ring.keys:
            raise KeyMissing(f"the key ring has no key {head.key_number}")
        file.seek(0)
        with open(os.devnull, "wb") as nowhere:
            open_stream(file, Counted(nowhere, progress), ring, purpose=PURPOSE)
    except SealBroken as error:
        raise BackupError(f"The backup does not open: {error}. Nothing was changed.") from None
    except KeyMissing as error:
        raise BackupError(
            f"The backup was sealed with another key ring ({error}): put the ring that belongs to"
            " it into place (THERAPYCONNECT_KEYS or THERAPYCONNECT_KEY_FILE)."
        ) from None
    finally:
        progress.end()
    return notes.decode(head.note)


def check_note(note: Note, ring: KeyRing) -> None:
    """`BackupError` where this code or this ring can't take the backup. Touches no database."""
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    newer = [name for name in note.migrations if name not in known]
    if newer:
        raise BackupError(
            f"The backup is of a newer version ({note.version}, {newer[-1]}):"
            " update this one first."
        )
    lacking = [number for number in note.keys if number not in ring.keys]
    if lacking:
        raise BackupError(f"The key ring lacks key {lacking[0]}, which the backup's rows need.")


def check_database(*, replace: bool) -> None:
    """`BackupError` where this database can't take a backup."""
    with connect() as connection:
        if _count(connection, _OTHERS_SQL):
            raise BackupError("The database is in use: stop the server first.")
        if _count(connection, _TABLES_SQL) and not replace:
            raise BackupError(
                "The database is not empty: restore into an empty one, or give --replace to"
                " put the backup in the place of all that it holds."
            )


def _count(connection: psycopg.Connection, query: LiteralString) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def load(file: BinaryIO, ring: KeyRing, *, replace: bool, out: TextIO) -> None:
    """Put a checked backup into the database, in one transaction; or `BackupError`."""
    file.seek(0)
    progress = Progress(out, "restored", os.fstat(file.fileno()).st_size)
    with (
        Tool("pg_restore", *_AS_SCRIPT, on_database=False, feed=True) as script,
        Tool("psql", *_QUIETLY, feed=True) as sql,
    ):
        opener = _Opener(file, Counted(script.input, progress), ring, script)
        opener.start()
        committing = False
        try:
            sql.input.write(b"BEGIN;\n" + (_CLEAR_SQL if replace else b""))
            _copy_script(script.output, sql.input)
            opener.join()
            opener.check()
            script.finish()
            committing = True
            sql.input.write(_AFTERWARDS_SQL)
            sql.input.close()
        except BrokenPipeError:
            pass  # it ended early, and says why
        try:
            sql.finish()
        except BackupError as error:
            if committing and "server closed" in str(error):
                raise BackupError(
                    "The database was lost at the last step: look whether it was restored."
                ) from None
            raise BackupError(f"The database refused it: {error}. Nothing was changed.") from None
    progress.end()
    with connect() as connection:
        connection.execute("ANALYZE")


class _Opener(Thread):
    """Opens the backup into pg_restore, beside the thread that takes its SQL from it."""

    def __init__(self, file: BinaryIO, sink: Sink, ring: KeyRing, script: Tool) -> None:
        super().__init__(name="restore-open", daemon=True)
        self._file, self._sink, self._ring, self._script = file, sink, ring, script
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            open_stream(self._file, self._sink, self._ring, purpose=PURPOSE)
            self._script.input.close()
        except BaseException as error:  # whatever it is: nobody else would end pg_restore
            self._error = error
            # It must not take what it has for the whole.
            self._script.process.kill()

    def check(self) -> None:
        """`BackupError` where the file is no longer the one that was checked."""
        if isinstance(self._error, (VaultError, MemoryError)):
            raise BackupError("The backup changed while it was read. Nothing was changed.")


def _copy_script(source: IO[bytes], sink: IO[bytes]) -> None:
    """All of it, but for what older servers do not know."""
    for _ in range(_PREAMBLE_LINES):
        line = source.readline()
        if not line.startswith(_UNKNOWN_TO_OLDER):
            sink.write(line)
    shutil.copyfileobj(source, sink)
