"""A new folder becomes a server."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import EmbeddedPostgresError, lease


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def one(url: str, query: str) -> Any:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[arg-type]
        assert row is not None
        return row[0]


def test_first_start_makes_a_server_that_keeps_what_it_is_told(data: Path, watch: Any) -> None:
    with lease(data) as held:
        with psycopg.connect(held.url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (42)")
        assert held.server_pid() == watch.postmaster()
        assert (held.bin_dir / "psql").exists()
    assert watch.servers() == watch.keepers() == []
    with pytest.raises(EmbeddedPostgresError):
        held.server_pid()
    with lease(data) as held:
        assert one(held.url, "SELECT n FROM kept") == 42


def test_modes(data: Path) -> None:
    parent = data.parent
    parent.chmod(0o755)
    with lease(data):
        for folder in (data, data / "cluster", data / "run", data / "log"):
            assert mode(folder) == 0o700, folder
        for file in ("superuser.password", "application.password", "keeper.lock"):
            assert mode(data / file) == 0o600, file
        for file in ("postgres.log", "keeper.log"):
            assert mode(data / "log" / file) == 0o600, file
        assert mode(data / "run" / "keeper.sock") == 0o600
        assert mode(data / "run" / ".s.PGSQL.5432") == 0o700
        assert mode(parent) == 0o755


def test_a_folder_that_is_too_open_is_closed(data: Path) -> None:
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    with lease(data):
        assert mode(data) == 0o700


def test_six_processes_that_race_for_a_new_folder_get_one_server(
    data: Path, watch: Any, user: Any
) -> None:
    users = [user(data) for _ in range(6)]
    said = [one_user.says() for one_user in users]
    assert len({answer.get("pid") for answer in said}) == 1, said
    assert len(watch.keepers()) == 1
    for one_user in users:
        one_user.release()
    assert watch.servers() == watch.keepers() == []
