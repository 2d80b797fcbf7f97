"""Nobody gets in without a password, and no log holds a patient's words."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import lease

MARKER = "I have not told anyone else"


@pytest.fixture
def data(shared: Path) -> Path:
    return shared


def test_a_wrong_or_missing_password_is_refused(data: Path) -> None:
    with lease(data) as held:
        for role in ("therapyconnect", "postgres"):
            for password in ("wrong", ""):
                with pytest.raises(psycopg.OperationalError, match="password"):
                    psycopg.connect(
                        host=str(data / "run"), user=role, password=password, dbname="postgres"
                    )
        assert held.url != held.superuser_url


def test_passwords_are_stored_as_scram_and_no_rule_trusts(data: Path) -> None:
    with lease(data) as held, psycopg.connect(held.superuser_url) as connection:
        stored = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolcanlogin"
        ).fetchall()
        assert len(stored) == 2
        assert all(row[0].startswith("SCRAM-SHA-256$") for row in stored)
        rules = connection.execute(
            "SELECT DISTINCT type, auth_method, error FROM pg_hba_file_rules"
        )
        assert rules.fetchall() == [("local", "scram-sha-256", None)]
        assert connection.execute("SELECT current_setting('listen_addresses')").fetchone() == ("",)


def test_the_server_listens_on_no_tcp_port(data: Path, watch: Any) -> None:
    with lease(data):
        sockets = set()
        for pid in watch.servers():
            for fd in os.listdir(f"/proc/{pid}/fd"):
                try:
                    target = os.readlink(f"/proc/{pid}/fd/{fd}")
                except OSError:
                    continue
                if target.startswith("socket:["):
                    sockets.add(target[8:-1])
        for table in ("tcp", "tcp6", "udp", "udp6"):
            try:
                lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
            except OSError:
                continue
            assert not sockets & {line.split()[9] for line in lines}


def test_no_statement_parameter_or_row_is_logged(data: Path, watch: Any, soon: Any) -> None:
    with lease(data) as held:
        with psycopg.connect(held.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE words (id int PRIMARY KEY, words text CHECK (id < 9))")
            connection.execute("INSERT INTO words VALUES (1, %s)", [MARKER])
            for statement, values in (
                ("INSERT INTO words VALUES (1, %s)", [MARKER]),  # unique: DETAIL
                ("INSERT INTO words VALUES (10, %s)", [MARKER]),  # check: DETAIL holds the row
                ("SELECT %s::text::int", [MARKER]),  # the message itself quotes the value
                (f"SELECT '{MARKER}' FROM nowhere", []),  # STATEMENT
                (f"SELECT $${MARKER}", []),  # syntax error
                ("DO $$BEGIN RAISE WARNING 'I have not told anyone else'; END$$", []),
                ("SELECT %s::json", [MARKER]),  # CONTEXT
            ):
                try:
                    connection.execute(statement, values or None)  # type: ignore[arg-type]
                except psycopg.Error:
                    continue
            deadlock(held.url)
            # A backend that dies in the middle of a statement is reported with it, in DETAIL.
            victim = psycopg.connect(held.url, autocommit=True)
            dying = threading.Thread(target=run_and_die, args=(victim,))
            dying.start()
            soon(
                lambda: (
                    connection.execute(
                        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%pg_sleep(30)%%'"
                        " AND pid <> pg_backend_pid()"
                    ).fetchone()
                    == (1,)
                )
            )
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            dying.join(10)
        log = (data / "log" / "postgres.log").read_text()
        assert "terminated by signal 9" in log
        assert "anyone else" not in log
        assert "words" not in log
        assert all("anyone else" not in path.read_text() for path in (data / "log").iterdir())


def run_and_die(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute(f"SELECT pg_sleep(30), '{MARKER}'")  # type: ignore[arg-type]
    except psycopg.OperationalError:
        connection.close()


def deadlock(url: str) -> None:
    """Two transactions that wait for each other: the report quotes both statements."""
    with psycopg.connect(url, autocommit=True) as setup:
        setup.execute("CREATE TABLE pair (id int)")
        setup.execute("INSERT INTO pair VALUES (1), (2)")
    ready = threading.Barrier(2)

    def go(first: int, second: int) -> None:
        try:
            with psycopg.connect(url) as connection:
                connection.execute("UPDATE pair SET id = id WHERE id = %s", [first])
                ready.wait(10)
                text = f"UPDATE pair SET id = id WHERE id = {second} AND '{MARKER}' <> ''"
                connection.execute(text)  # type: ignore[arg-type]
        except psycopg.errors.DeadlockDetected:
            return

    threads = [threading.Thread(target=go, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_programs_see_nothing_of_the_users_settings(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("PGPORT", "1"), ("PGDATA", "/nowhere"), ("PGOPTIONS", "-c fsync=off")):
        monkeypatch.setenv(name, value)
    with lease(data) as held:
        monkeypatch.undo()
        done = subprocess.run(
            [str(held.bin_dir / "psql"), held.url, "-Atc", "SHOW fsync"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == "on\n"


def test_the_log_is_bounded(data: Path) -> None:
    from therapyconnect.embedded.logfile import LogFile

    log = LogFile(data / "log" / "some.log", limit=1000)
    with log.append() as writer:
        for _ in range(100):
            writer.write(b"x" * 99 + b"\n")
            writer.flush()
            log.trim()
    assert log.size() <= 1100
    assert sum(path.stat().st_size for path in (data / "log").glob("some.log*")) <= 2200
    assert (data / "log" / "some.log.1").stat().st_mode & 0o777 == 0o600
