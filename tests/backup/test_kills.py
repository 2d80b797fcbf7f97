"""SIGKILL in the middle: no half file that restores, no half database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tests.backup.drill import Origin, opens, start, take_ring
from tests.backup.test_refusals import tables
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer

ATTEMPTS = 6
SESSIONS = """
    SELECT backend_xid IS NOT NULL FROM pg_stat_activity
    WHERE datname = %s AND application_name = 'therapyconnect-backup'
"""
WAITING = SESSIONS + " AND wait_event_type = 'Lock'"


def command_lines() -> list[str]:
    """Of every process: what each user of the machine can read."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(process.read_bytes().decode(errors="replace"))
    return found


def await_true(what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_killed_backup_leaves_no_file_of_that_name(origin: Origin, tmp_path: Path) -> None:
    """It is held by a lock in the middle of its dump, and killed there."""
    live, file = origin.live, tmp_path / "clinic.tc"
    part = tmp_path / ".clinic.tc.part"
    assert live.database_url is not None
    with (
        psycopg.connect(SERVER_URL, autocommit=True) as watch,
        psycopg.connect(live.database_url) as holder,
    ):
        name = holder.info.dbname

        def dumps() -> bool:
            return bool(watch.execute(WAITING, (name,)).fetchall())

        # A table that a dump reads, and nobody else just now.
        holder.execute("LOCK TABLE django_content_type IN ACCESS EXCLUSIVE MODE")
        running = start(live, "backup", str(file))
        await_true(dumps)
        password = conninfo_to_dict(live.database_url)["password"]
        commands = [line for line in command_lines() if "pg_dump" in line]
        assert commands
        assert not [line for line in commands if str(password) in line]
        running.kill()
        running.communicate()
        holder.rollback()
        await_true(lambda: not watch.execute(SESSIONS, (name,)).fetchall())
    assert part.exists()
    assert not file.exists()
    assert not opens(part, live)
    live.manage("backup", str(file))
    assert opens(file, live)
    assert not part.exists()


def test_a_killed_restore_leaves_the_database_as_it_was(origin: Origin, tmp_path: Path) -> None:
    take_ring(origin, tmp_path)
    with own_database(SERVER_URL) as url, psycopg.connect(SERVER_URL, autocommit=True) as watch:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS here")
            name = connection.info.dbname
        live = LiveServer(tmp_path, database_url=url)
        for _ in range(ATTEMPTS):
            running = start(live, "restore", "--replace", str(origin.file))
            while (True,) not in watch.execute(SESSIONS, (name,)).fetchall():
                assert running.poll() is None, "it was never seen to write"
                time.sleep(0.001)
            running.kill()
            running.communicate()
            await_true(lambda: not watch.execute(SESSIONS, (name,)).fetchall())
            if tables(url) == ["kept"]:
                break
            # It was through before the signal came: then all of it is there.
            assert "messaging_message" in tables(url)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP SCHEMA public CASCADE")
                connection.execute("CREATE SCHEMA public CREATE TABLE kept (here int)")
        else:
            raise AssertionError("no restore was caught in its middle")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE spread (here int) PARTITION BY HASH (here)")
            for n in range(8):  # one at least is listed after the whole
                connection.execute(
                    f"CREATE TABLE spread_{n} PARTITION OF spread"
                    f" FOR VALUES WITH (MODULUS 8, REMAINDER {n})"
                )
        assert "Restored" in live.manage("restore", "--replace", str(origin.file))
        assert not [name for name in tables(url) if name.startswith(("kept", "spread"))]


def test_a_stream_to_a_reader_that_leaves_is_an_error(origin: Origin) -> None:
    running = subprocess.Popen(
        [sys.executable, "manage.py", "backup", "-"], cwd=Path(__file__).parents[2],
        env=origin.live.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.read(8) == b"TCSTREAM"
    running.stdout.close()
    assert running.stderr is not None
    errors = running.stderr.read().decode()
    assert running.wait(60) != 0
    assert "Traceback" not in errors
