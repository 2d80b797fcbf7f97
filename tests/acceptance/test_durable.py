"""G2: it was on disk before the ack. Counted by the database itself, one fsync for each send."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.conftest import SERVER, Mould
from tests.harness.server import ROOT, LiveServer, Pair
from tests.harness.sockets import chat_socket
from therapyconnect.embedded import Lease, lease

N = 200
STATISTICS_SECONDS = 15.0
OF_DATABASE = "ALTER DATABASE therapyconnect {} synchronous_commit"
OF_ROLE = "ALTER ROLE therapyconnect {} synchronous_commit"


class Disk:
    """What the database says of its write-ahead log."""

    def __init__(self, url: str) -> None:
        self._url = url

    def fsyncs(self) -> int:
        """By anyone: a commit that another's fsync brought to the disk needs none of its own."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            query = "SELECT wal_sync FROM pg_stat_wal"
            if connection.info.server_version >= 180_000:
                query = "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'"
            row = connection.execute(query).fetchone()
            assert row is not None
            return int(row[0])

    def rise(self, before: int, wanted: int, *, nudge: Callable[[], None]) -> tuple[int, int]:
        """(fsyncs since `before`, nudges).

        Backends report late: with a later commit, or after ten idle seconds. So one more is sent.
        """
        time.sleep(1.2)
        nudge()
        end = time.monotonic() + STATISTICS_SECONDS
        while (rise := self.fsyncs() - before) < wanted + 1 and time.monotonic() < end:
            time.sleep(0.25)
        return rise, 1


def by_rest(live: LiveServer, pair: Pair, count: int) -> None:
    with live.api(pair.patient_token) as api:
        for n in range(count):
            body = {"chat_id": pair.chat_id, "text": f"rest {n}"}
            assert api.post("messages/send_message/", json=body).status_code == 201


def by_socket(live: LiveServer, pair: Pair, count: int) -> None:
    with chat_socket(live, pair.chat_id, pair.patient_token) as socket:
        for n in range(count):
            socket.send("chat_message", text=f"socket {n}", ref=n)
            socket.until("chat_message", ref=n)


@pytest.mark.parametrize("way", [by_rest, by_socket])
def test_each_of_many_sequential_sends_was_synced(
    product: LiveServer,
    take: Callable[[int], list[Pair]],
    way: Callable[[LiveServer, Pair, int], None],
    record_property: Callable[[str, object], None],
) -> None:
    pair = take(1)[0]
    by_rest(product, pair, 1)
    time.sleep(1.2)
    disk = Disk(os.environ[SERVER])
    before = disk.fsyncs()
    way(product, pair, N)
    rise, nudges = disk.rise(before, N, nudge=lambda: by_rest(product, pair, 1))
    record_property("measured", f"{way.__name__}: {rise} fsyncs for {N} + {nudges} sends")
    print(f"{way.__name__}: {rise} fsyncs for {N} + {nudges} sends")  # noqa: T201
    assert rise >= N + nudges


class Careless:
    """A server of our own that can be told not to sync; and the product on it."""

    def __init__(self, held: Lease, folder: Path) -> None:
        self.held = held
        self.folder = folder
        self.live = LiveServer(folder / "app", database_url=held.url)
        self.pair: Pair

    def run(self, command: str) -> None:
        with psycopg.connect(self.held.superuser_url, autocommit=True) as connection:
            connection.execute(command)

    def configure(self, line: str) -> None:
        """What an operator with an editor may do; our settings would be written anew by a start."""
        settings = Path(self._show("config_file"))
        with settings.open("a") as file:
            file.write(f"\n{line}\n")
        name, wanted = (part.strip() for part in line.split("="))
        self.run("SELECT pg_reload_conf()")
        end = time.monotonic() + 10
        while self._show(name) != wanted:
            assert time.monotonic() < end
            time.sleep(0.05)

    def _show(self, name: str) -> str:
        with psycopg.connect(self.held.superuser_url) as connection:
            row = connection.execute(f"SHOW {name}").fetchone()
            assert row is not None
            return str(row[0])

    def doctor(self) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor"], cwd=ROOT, env=self.live.env,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def careless() -> Iterator[Careless]:
    with tempfile.TemporaryDirectory(prefix="tc-careless-") as name:
        folder = Path(name)
        (folder / "app").mkdir()
        with lease(folder / "postgres") as held:
            made = Careless(held, folder)
            made.run(f"{OF_DATABASE.format('SET')} = off")
            made.live.start()
            made.pair = made.live.load_pairs(1)[0]
            yield made
            made.live.kill()


# In this order: the product was started while the database said that commits need not wait.


def test_the_lanes_wait_all_the_same(
    careless: Careless, record_property: Callable[[str, object], None]
) -> None:
    """Where someone turned it off for the database, the connections that write still wait."""
    pair = careless.pair
    by_rest(careless.live, pair, 1)
    time.sleep(1.2)
    disk = Disk(careless.held.superuser_url)
    before = disk.fsyncs()
    by_socket(careless.live, pair, N)
    rise, nudges = disk.rise(before, N, nudge=lambda: by_rest(careless.live, pair, 1))
    record_property("measured", f"{rise} fsyncs for {N} + {nudges} sends")
    print(f"{rise} fsyncs for {N} + {nudges} sends")  # noqa: T201
    assert rise >= N + nudges


@pytest.mark.parametrize("command", [OF_DATABASE, OF_ROLE])
def test_doctor_refuses_commits_that_do_not_wait(careless: Careless, command: str) -> None:
    careless.run(f"{command.format('SET')} = off")
    try:
        status, said = careless.doctor()
    finally:
        careless.run(command.format("RESET"))
    assert status == 1
    assert "fail synchronous_commit" in " ".join(said.split())


def test_a_server_without_fsync_is_seen(
    careless: Careless, record_property: Callable[[str, object], None]
) -> None:
    status, said = careless.doctor()
    assert status == 0, said
    careless.configure("fsync = off")
    try:
        disk = Disk(careless.held.superuser_url)
        before = disk.fsyncs()
        by_socket(careless.live, careless.pair, N)
        time.sleep(1.2)
        by_rest(careless.live, careless.pair, 1)
        time.sleep(0.5)
        rise = disk.fsyncs() - before
        record_property("measured", f"{rise} fsyncs for {N + 1} sends with fsync off")
        print(f"{rise} fsyncs for {N + 1} sends with fsync off")  # noqa: T201
        assert rise < N // 2
        status, said = careless.doctor()
        assert status == 1
        assert "fail fsync" in " ".join(said.split())
    finally:
        careless.configure("fsync = on")


def test_lanes_that_do_not_wait_are_seen(
    mould: Mould, record_property: Callable[[str, object], None]
) -> None:
    """The twin commits without waiting for the disk: the count gives it away."""
    with mould.cast("asynchronous_commit") as twin:
        pair = mould.pairs[0]
        by_socket(twin, pair, 1)
        time.sleep(1.2)
        disk = Disk(os.environ[SERVER])
        before = disk.fsyncs()
        by_socket(twin, pair, N)
        time.sleep(1.2)
        by_rest(twin, pair, 1)
        time.sleep(0.5)
        rise = disk.fsyncs() - before
    record_property("measured", f"{rise} fsyncs for {N + 1} sends without waiting")
    print(f"{rise} fsyncs for {N + 1} sends without waiting")  # noqa: T201
    assert rise < N // 2
