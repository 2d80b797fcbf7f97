"""Any folder will do, however it is called and however deep it lies."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import lease


@pytest.mark.parametrize(
    "name",
    ["with space", "Zürich 東京", 'quote\'s "double"', "per%20cent & #", "a,b", "back\\slash"],
)
def test_names(data: Path, used: Path, watching: Any, user: Any, name: str) -> None:
    folder = data / name / "postgres"
    data.mkdir(parents=True, exist_ok=True)
    folder.parent.mkdir()
    used.rename(folder)  # a folder may be moved while nothing runs
    watch = watching(folder)
    with lease(folder) as held:
        with psycopg.connect(held.url) as connection:
            connection.execute("SELECT 1")
        other = user(folder)
        assert other.says()["pid"] == held.server_pid()
        other.release()
    assert watch.servers() == []


def test_a_long_path_has_its_sockets_in_a_private_folder(
    data: Path, watching: Any, user: Any
) -> None:
    folder = data / ("long" * 20) / ("longer" * 10) / "postgres"
    watch = watching(folder)
    with lease(folder) as held:
        recorded = Path(os.fsdecode((folder / "sockets").read_bytes().rstrip(b"\n")))
        assert stat.S_IMODE(recorded.stat().st_mode) == 0o700
        assert recorded.stat().st_uid == os.geteuid()
        with psycopg.connect(held.url) as connection:
            connection.execute("SELECT 1")
        other = user(folder)
        assert other.says()["pid"] == held.server_pid()
        other.release()
        first_url = held.url
    assert watch.servers() == []
    # The same name again after the folder was cleaned away: a URL stays good.
    recorded.rmdir()
    with lease(folder) as held:
        assert held.url == first_url
    recorded.rmdir()


def test_a_relative_path_and_a_link_mean_the_same_server(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shared.parent)
    link = shared.parent / "link"
    with lease(Path("postgres")) as held:
        link.symlink_to(shared)
        with lease(link) as again:
            assert again.server_pid() == held.server_pid()


def test_modes_of_folders_above_stay(data: Path) -> None:
    above = data.parent
    above.chmod(0o750)
    before = stat.S_IMODE(above.parent.stat().st_mode)
    lease(data).release()
    assert stat.S_IMODE(above.stat().st_mode) == 0o750
    assert stat.S_IMODE(above.parent.stat().st_mode) == before
