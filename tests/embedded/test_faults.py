"""Whatever is killed: the data stays, the server comes back while in use, and never stays alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import EmbeddedPostgresError, control, lease, lock
from therapyconnect.embedded.folder import Folder
from therapyconnect.embedded.processes import Process


@pytest.fixture
def data(shared: Path) -> Path:
    return shared


def remember(url: str, n: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [n])


def remembered(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT n FROM kept ORDER BY n")]


def kill_all(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # the first deaths bring others
            os.kill(pid, signal.SIGKILL)


def test_a_killed_postmaster_comes_back(data: Path, watch: Any, soon: Any, queryable: Any) -> None:
    with lease(data) as held:
        remember(held.url, 1)
        before = held.server_pid()
        os.kill(before, signal.SIGKILL)
        soon(lambda: queryable(held.url))
        assert held.server_pid() != before
        assert remembered(held.url) == [1]
    assert watch.servers() == []


def test_a_killed_postmaster_with_all_its_children_comes_back(
    data: Path, watch: Any, soon: Any, queryable: Any
) -> None:
    with lease(data) as held:
        remember(held.url, 1)
        kill_all(watch.servers())
        soon(lambda: queryable(held.url))
        assert remembered(held.url) == [1]


def test_a_killed_backend_with_a_busy_one_left_behind(
    data: Path, watch: Any, soon: Any, queryable: Any
) -> None:
    """A backend that computes does not notice that its postmaster died; the keeper sees to it."""
    with lease(data) as held:
        client = subprocess.Popen(
            [
                str(held.bin_dir / "psql"),
                held.url,
                "-c",
                "SELECT count(*) FROM generate_series(1,1e9)",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with psycopg.connect(held.url, autocommit=True) as connection:
            busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count%generate%'"
            soon(lambda: connection.execute(busy).fetchone()[0] > 1)
        old = set(watch.servers())
        os.kill(held.server_pid(), signal.SIGKILL)
        soon(lambda: queryable(held.url))
        assert not old & set(watch.servers())
        client.wait(60)


def test_an_immediate_restart_by_hand(data: Path, watch: Any, soon: Any, queryable: Any) -> None:
    with lease(data) as held:
        remember(held.url, 1)
        command = [
            str(held.bin_dir / "pg_ctl"),
            "restart",
            "-m",
            "immediate",
            "-D",
            str(data / "cluster"),
        ]
        # pg_ctl refuses root as the server does.
        prefix = ["unshare", "-U"] if os.geteuid() == 0 else []
        subprocess.run(
            [*prefix, *command, "-l", os.devnull, "-t", "10"], capture_output=True, check=False
        )
        soon(lambda: queryable(held.url))
        # And it settles: one server, the keeper's own.
        time.sleep(1)
        soon(lambda: queryable(held.url))
        parent = Process.of(held.server_pid())
        assert parent is not None
        assert [parent.parent()] == watch.keepers()
        assert remembered(held.url) == [1]
    assert watch.servers() == []


def test_after_a_killed_application_the_next_one_attaches_to_the_same_server(
    data: Path, watch: Any, user: Any
) -> None:
    first = user(data)
    said = first.says()
    remember(said["url"], 1)
    first.kill()
    with lease(data) as held:
        assert held.server_pid() == said["pid"]
        assert remembered(held.url) == [1]
    assert watch.servers() == []


def test_after_a_killed_application_nothing_stays(data: Path, watch: Any, user: Any) -> None:
    one_user = user(data)
    one_user.says()
    one_user.kill()
    began = time.monotonic()
    watch.wait_gone()
    assert time.monotonic() - began > 3, "no grace for the next start"
    assert control_state(data) == "shut down"


def test_a_killed_keeper_is_replaced_while_in_use(
    data: Path, watch: Any, soon: Any, queryable: Any
) -> None:
    with lease(data) as held:
        remember(held.url, 1)
        before = held.server_pid()
        (keeper,) = watch.keepers()
        os.kill(keeper, signal.SIGKILL)
        # The old server may answer, and its pid file lie there, until the new keeper has ended it.
        soon(lambda: watch.keepers() not in ([], [keeper]) and before not in watch.servers())
        soon(lambda: queryable(held.url))
        assert held.server_pid() != before
        assert remembered(held.url) == [1]
    assert watch.servers() == watch.keepers() == []


def test_keeper_and_application_killed_leave_no_server(data: Path, watch: Any, user: Any) -> None:
    one_user = user(data)
    remember(one_user.says()["url"], 1)
    (keeper,) = watch.keepers()
    one_user.kill()
    os.kill(keeper, signal.SIGKILL)
    watch.wait_gone()
    with lease(data) as held:
        assert remembered(held.url) == [1]


def test_everything_killed_at_once(data: Path, watch: Any, user: Any) -> None:
    one_user = user(data)
    remember(one_user.says()["url"], 1)
    kill_all([one_user.process.pid, *watch.keepers(), *watch.servers()])
    with lease(data) as held:
        assert remembered(held.url) == [1]
    assert watch.servers() == []


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_keeper_stops_cleanly_and_for_good(
    data: Path, watch: Any, sig: signal.Signals
) -> None:
    held = lease(data)
    (keeper,) = watch.keepers()
    os.kill(keeper, sig)
    watch.wait_gone()
    time.sleep(1.0)
    assert watch.keepers() == []  # the lease does not start it again behind the operator's back
    assert control_state(data) == "shut down"
    held.release()


def test_a_reused_pid_is_not_taken_for_the_server(data: Path) -> None:
    lease(data).release()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file = data / "cluster" / "postmaster.pid"
        pid_file.write_text(
            f"{stranger.pid}\n{data}/cluster\n{int(time.time())}\n5432\n{data}/run\n\n"
            "  5432001    65538\nready   \n"
        )
        pid_file.chmod(0o600)
        with lease(data) as held:
            assert held.server_pid() != stranger.pid
            remember(held.url, 1)
        assert stranger.poll() is None, "a stranger was killed"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_server_that_somebody_else_started_is_replaced(data: Path, watch: Any) -> None:
    with lease(data) as held:
        remember(held.url, 1)
        program = held.bin_dir / "postgres"
    prefix = ["unshare", "-U"] if os.geteuid() == 0 else []
    foreign = subprocess.Popen(
        [*prefix, str(program), "-D", str(data / "cluster")], stderr=subprocess.DEVNULL
    )
    while not watch.servers():
        time.sleep(0.05)
    with lease(data) as held:
        assert held.server_pid() != foreign.pid
        assert remembered(held.url) == [1]
    assert foreign.wait(60) == 0


def test_a_removed_folder_ends_it_and_no_empty_database_takes_its_place(
    used: Path, watching: Any
) -> None:
    data, watch = used, watching(used)
    held = lease(data)
    (keeper,) = watch.keepers()
    postmaster = held.server_pid()
    shutil.rmtree(data)
    os.kill(postmaster, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Process.of(keeper) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    assert not data.exists()
    held.release()


def test_a_long_recovery_is_waited_for(used: Path, watching: Any, user: Any) -> None:
    data, watch = used, watching(used)
    one_user = user(data)
    said = one_user.says()
    with psycopg.connect(said["url"]) as connection:
        connection.execute("CREATE TABLE big (n int, filler text)")
        connection.execute(
            "INSERT INTO big SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 400000) n"
        )
    with psycopg.connect(said["url"]) as connection:
        connection.execute("UPDATE big SET n = n + 1")
    kill_all([one_user.process.pid, *watch.keepers(), *watch.servers()])
    with lease(data, wait_seconds=20) as held, psycopg.connect(held.url) as connection:
        assert connection.execute("SELECT count(*), min(n) FROM big").fetchone() == (400000, 2)


def test_patience_counts_from_the_last_sign_of_progress(shared: Path) -> None:
    """A keeper that recovers for longer than the caller's patience, then one that stands still."""
    folder = Folder.at(shared)
    lock_fd = lock.take(folder)
    assert lock_fd is not None
    listener = control.listen(str(folder.control_socket))
    listener.setblocking(True)

    def recover(*, steps: int) -> None:
        user, _ = listener.accept()
        for step in range(steps):
            user.sendall(control.Message("starting", f"redo in progress, step {step}").encode())
            time.sleep(0.4)
        if steps > 1:
            user.sendall(control.Message("ready").encode())
        user.recv(4096)  # the goodbye, or the end
        user.close()

    try:
        for steps in (12, 1):
            keeper = threading.Thread(target=recover, kwargs={"steps": steps})
            keeper.start()
            if steps > 1:
                lease(shared, wait_seconds=4).release()
            else:
                with pytest.raises(EmbeddedPostgresError, match="not ready within 1 seconds"):
                    lease(shared, wait_seconds=1)
            keeper.join(60)
    finally:
        listener.close()
        folder.control_socket.unlink()
        os.close(lock_fd)


def control_state(data: Path) -> str:
    from therapyconnect.embedded.binaries import locate

    said = subprocess.run(
        [locate().program("pg_controldata"), str(Folder.at(data).cluster)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return next(line for line in said.splitlines() if "cluster state" in line).split(":")[1].strip()


@pytest.mark.parametrize("milliseconds", [5, 20])
def test_a_stop_in_the_first_moments_of_crash_recovery_ends(
    data: Path, watch: Any, milliseconds: int
) -> None:
    """PostgreSQL itself may hang there for ever."""
    held = lease(data)
    victim = psycopg.connect(held.url)
    os.kill(victim.info.backend_pid, signal.SIGKILL)
    time.sleep(milliseconds / 1000)
    began = time.monotonic()
    held.release()
    # A keeper that believes in the checkpoint waits for a minute.
    assert time.monotonic() - began < 30
    assert watch.servers() == watch.keepers() == []
    victim.close()
