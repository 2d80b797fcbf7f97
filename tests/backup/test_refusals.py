"""What can't be restored is refused with one line, and nothing is changed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.backup.drill import Drill, Origin, refusal, start, take_ring
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """A database that holds something of somebody's."""
    with own_database(SERVER_URL) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS here")
        yield url


def tables(url: str) -> list[str]:
    with closing(psycopg.connect(url)) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return [row[0] for row in connection.execute(query)]


@pytest.fixture
def keeper(origin: Origin, target: str, tmp_path: Path) -> LiveServer:
    """An installation with the right ring on that database; never started."""
    take_ring(origin, tmp_path)
    return LiveServer(tmp_path, database_url=target)


def test_what_is_damaged_or_foreign_changes_nothing(
    origin: Origin, drill: Drill, keeper: LiveServer, target: str, tmp_path: Path
) -> None:
    whole = origin.file.read_bytes()
    flipped = bytearray(whole)
    flipped[secrets.randbelow(len(whole) // 2) + len(whole) // 4] ^= 1
    stranger = LiveServer(tmp_path / "stranger", database_url=target)
    stranger.data.mkdir()
    cases = {
        "cut": (keeper, whole[:-1], "does not open"),
        "flipped": (keeper, bytes(flipped), "does not open"),
        "foreign": (stranger, whole, "does not open"),
        "full": (keeper, whole, "not empty"),
        "used": (drill.live, whole, "in use"),
    }
    before = drill.live.sql("SELECT count(*) FROM messaging_message")
    running = {}
    for name, (live, content, _) in cases.items():
        (tmp_path / name).write_bytes(content)
        replace = ["--replace"] * (name != "full")
        running[name] = start(live, "restore", *replace, str(tmp_path / name))
    for name, (_, _, says) in cases.items():
        assert says in refusal(running[name]), name
    assert tables(target) == ["kept"]
    assert drill.live.sql("SELECT count(*) FROM messaging_message") == before
