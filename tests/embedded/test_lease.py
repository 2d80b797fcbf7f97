"""Share it, and stop it with its last user."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import lease


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def one(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]


@pytest.fixture
def data(shared: Path) -> Path:
    return shared


def test_the_cluster_is_as_promised(data: Path) -> None:
    with lease(data) as held:
        shown = {
            name: one(held.superuser_url, f"SHOW {name}")
            for name in (
                "data_checksums",
                "server_encoding",
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "listen_addresses",
                "unix_socket_permissions",
                "jit",
                "max_connections",
                "allow_alter_system",
                "log_statement",
                "log_error_verbosity",
                "log_min_messages",
                "log_min_error_statement",
                "track_io_timing",
            )
        }
        assert shown == {
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "",
            "unix_socket_permissions": "0700",
            "jit": "off",
            "max_connections": "200",
            "allow_alter_system": "off",
            "log_statement": "none",
            "log_error_verbosity": "terse",
            "log_min_messages": "log",
            "log_min_error_statement": "panic",
            "track_io_timing": "on",
        }
        collation = (
            "SELECT concat(datlocprovider, datlocale) FROM pg_database WHERE datname = 'template1'"
        )
        assert one(held.superuser_url, collation) == "bC.UTF-8"
        # Order by code point, and yet the letters of every language.
        assert one(held.url, "SELECT 'Z' < 'a'") is True
        assert one(held.url, "SELECT upper('zähler')") == "ZÄHLER"


def test_the_application_is_no_superuser_and_may_make_databases(data: Path) -> None:
    with lease(data) as held:
        assert one(held.url, "SELECT current_user") == "therapyconnect"
        assert one(held.url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        with psycopg.connect(held.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE another")
            connection.execute("DROP DATABASE another")
        assert one(held.superuser_url, "SELECT current_setting('is_superuser')") == "on"


def test_a_second_process_attaches_and_the_last_one_stops_the_server(
    data: Path, watch: Any, user: Any
) -> None:
    other = user(data)
    there = other.says()
    held = lease(data)
    assert held.server_pid() == there["pid"]
    assert held.url == there["url"]
    other.release()
    assert one(held.url, "SELECT 1") == 1
    held.release()
    held.release()  # harmless
    assert watch.servers() == watch.keepers() == []


def test_two_leases_in_one_process(data: Path, watch: Any) -> None:
    with lease(data) as first:
        with lease(data) as second:
            assert first.server_pid() == second.server_pid()
        assert one(first.url, "SELECT 1") == 1
    assert watch.servers() == []


def test_six_processes_that_come_and_go_never_fail(data: Path, watch: Any, user: Any) -> None:
    users = [user(data, "loop", "5") for _ in range(6)]
    for one_user in users:
        out, _ = one_user.process.communicate(timeout=180)
        assert out.count('"pid"') == 5, out
    watch.wait_gone()


def test_a_forked_child_gives_nothing_back(data: Path) -> None:
    with lease(data) as held:
        pid = os.fork()
        if pid == 0:
            held.release()
            os._exit(0)
        os.waitpid(pid, 0)
        assert one(held.url, "SELECT 1") == 1


def test_lost_password_files_are_made_anew(data: Path) -> None:
    for name in ("superuser", "application"):
        (data / f"{name}.password").unlink()
    with lease(data) as held:
        assert one(held.url, "SELECT 1") == 1
        assert one(held.superuser_url, "SELECT 1") == 1
