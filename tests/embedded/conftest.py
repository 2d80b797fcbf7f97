"""Real servers on throw-away folders. Whatever a test leaves running is ended by its pid."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from therapyconnect.embedded import lease

ROOT = Path(__file__).resolve().parents[2]
USER = Path(__file__).with_name("user.py")


class User:
    """Another process that holds a lease."""

    def __init__(self, data: Path, *what: str, command: list[str]) -> None:
        self.process = subprocess.Popen(
            [*command, str(USER), str(data), *(what or ("hold",))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def says(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said: dict[str, Any] = json.loads(self.process.stdout.readline())
        return said

    def release(self) -> None:
        out, _ = self.process.communicate("release\n", timeout=60)
        assert json.loads(out) == {"released": True}

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)


class Watch:
    """What runs on one data folder, found without any help of the code under test."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def servers(self) -> list[int]:
        """Processes that work in the cluster folder: the postmaster and all its children."""
        return self._working_in(self.data / "cluster")

    def keepers(self) -> list[int]:
        wanted = os.fsencode(os.path.realpath(self.data))
        found = []
        for pid in _pids():
            try:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"therapyconnect.embedded.keeper" in arguments and wanted in arguments:
                found.append(pid)
        return found

    def postmaster(self) -> int:
        return int((self.data / "cluster" / "postmaster.pid").read_text().split()[0])

    def wait_gone(self, seconds: float = 60) -> None:
        wait_for(lambda: not self.servers() and not self.keepers(), seconds)

    def _working_in(self, folder: Path) -> list[int]:
        found = []
        for pid in _pids():
            try:
                if os.readlink(f"/proc/{pid}/cwd") == os.path.realpath(folder):
                    found.append(pid)
            except OSError:
                continue
        return found


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.03)


def can_query(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _end(data: Path) -> None:
    watch = Watch(data)
    for pid in [*watch.keepers(), *watch.servers()]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@contextmanager
def _folder() -> Iterator[Path]:
    """Short, because a socket's path must be."""
    parent = Path(tempfile.mkdtemp(prefix="tc-"))
    folder = parent / "postgres"
    yield folder
    _end(folder)
    shutil.rmtree(parent, ignore_errors=True)


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder for a new server. Where a file of tests needs no new one, its own is `shared`."""
    with _folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def _shared() -> Iterator[Path]:
    with _folder() as folder:
        lease(folder).release()
        yield folder


@pytest.fixture
def shared(_shared: Path) -> Iterator[Path]:
    """A folder that has a database, one for all tests: making one takes a second or two."""
    yield _shared
    _end(_shared)


@pytest.fixture
def used(_shared: Path) -> Iterator[Path]:
    """A folder of one's own that has a database."""
    with _folder() as folder:
        shutil.copytree(_shared, folder)
        yield folder


@pytest.fixture
def watch(data: Path) -> Watch:
    return Watch(data)


@pytest.fixture
def watching() -> Iterator[Callable[[Path], Watch]]:
    """For other folders than `data`; they are cleaned up too."""
    seen: list[Path] = []

    def on(folder: Path) -> Watch:
        seen.append(folder)
        return Watch(folder)

    yield on
    for folder in seen:
        _end(folder)
        with suppress(OSError):  # where its path was none for a socket
            shutil.rmtree(os.fsdecode((folder / "sockets").read_bytes().rstrip(b"\n")))


@pytest.fixture
def user() -> Iterator[Callable[..., User]]:
    """Starts users: `user(data)`, `user(data, "loop", "3")`, `user(data, command=[…])`."""
    started: list[User] = []

    def start(
        data: Path,
        *what: str,
        command: list[str] | None = None,
    ) -> User:
        started.append(User(data, *what, command=command or [sys.executable]))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.kill()
        for stream in (one.process.stdin, one.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def soon() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def queryable() -> Callable[[str], bool]:
    return can_query
