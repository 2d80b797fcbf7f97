"""The brokers between the nodes, as a test may break and hear them."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg
import redis

from tests.cluster.crew import wait_for
from tests.harness.server import free_port

Mend = Callable[[], None]
CONNECTIONS = 4
"""Of two nodes: one that tells and one that listens, each."""


class Broker(Protocol):
    addresses: tuple[str, str]
    """`THERAPYCONNECT_HUB` of the one node and of the other."""
    outages: tuple[str, ...]
    """How it can be broken on this machine."""
    missing: str
    """Which of them can't be made here, and why; empty where all can."""

    def connections(self) -> int: ...

    def eavesdrop(self, meanwhile: Callable[[], None]) -> list[bytes]:
        """All that is told while `meanwhile` runs, and a little after."""
        ...

    def sealed(self, heard: list[bytes]) -> list[bytes]:
        """The parcels in what was overheard, as they were sealed."""
        ...

    def repeat(self, heard: list[bytes]) -> None:
        """Tell again what was overheard."""
        ...

    def breaks(self, how: str) -> Mend:
        """Break it; what is returned mends it."""
        ...


class Postgres:
    addresses = ("postgres", "postgres")
    outages = ("cut", "freeze")  # killed and cut off: tests/faults
    missing = ""

    def __init__(self, url: str) -> None:
        self._url = url

    def connections(self) -> int:
        return len(self._backends())

    def eavesdrop(self, meanwhile: Callable[[], None]) -> list[bytes]:
        with psycopg.connect(self._url, autocommit=True) as ear:
            ear.execute("LISTEN therapyconnect")
            meanwhile()
            return [told.payload.encode() for told in ear.notifies(timeout=2)]

    def sealed(self, heard: list[bytes]) -> list[bytes]:
        return [b64decode(payload) for payload in heard]

    def repeat(self, heard: list[bytes]) -> None:
        for parcel in heard:
            self._sql("SELECT 1 FROM pg_notify('therapyconnect', %s)", parcel.decode())

    def breaks(self, how: str) -> Mend:
        if how == "cut":
            for _ in range(3):
                for pid in self._backends():
                    self._sql("SELECT pg_terminate_backend(%s)", pid)
                time.sleep(0.3)
            return lambda: None
        assert how == "freeze", how
        return freeze(self._backends())

    def _backends(self) -> list[int]:
        return self._sql(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'therapyconnect hub' AND datname = current_database()"
        )

    def _sql(self, query: str, *params: object) -> list[int]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            return [row[0] for row in connection.execute(query, params)]  # type: ignore[arg-type]


class RedisServer:
    """A real redis-server. Where this machine lets one make network namespaces it has one of its
    own, and each node reaches it over a line of its own, which can be cut.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._password = secrets.token_hex(8)
        self._space = Namespace.make()
        self.port = 6379 if self._space else free_port()
        hosts = self._space.hosts if self._space else ("127.0.0.1", "127.0.0.1")
        one, other = (f"redis://:{self._password}@{host}:{self.port}" for host in hosts)
        self.addresses = (one, other)
        self.outages = ("cut", "freeze", "kill")
        self.missing = ""
        if self._space is not None:
            self.outages += ("partition",)
        else:
            self.missing = "no right to make network namespaces, so no partition"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        space = self._space.command if self._space else []
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*space, "redis-server", "--port", str(self.port), "--bind", "0.0.0.0",
                 "--requirepass", self._password, "--save", "", "--appendonly", "no",
                 "--dir", str(self._folder)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        wait_for(self._answers, 30)

    def stop(self) -> None:
        self._kill()
        if self._space:
            self._space.remove()

    def client(self) -> redis.Redis:
        return redis.Redis.from_url(self.addresses[0], socket_timeout=5)

    def connections(self) -> int:
        """Of the nodes; this question comes over one more."""
        with self.client() as client:
            return len(client.client_list()) - 1

    def eavesdrop(self, meanwhile: Callable[[], None]) -> list[bytes]:
        with self.client() as client, client.pubsub() as ear:
            ear.psubscribe("*")
            wait_for(lambda: ear.get_message(timeout=1))
            meanwhile()
            heard = []
            end = time.monotonic() + 2
            while (left := end - time.monotonic()) > 0:
                message = ear.get_message(ignore_subscribe_messages=True, timeout=left)
                if message is not None:
                    heard.append(message["channel"] + b" " + message["data"])
            return heard

    def sealed(self, heard: list[bytes]) -> list[bytes]:
        return [told.partition(b" ")[2] for told in heard]

    def repeat(self, heard: list[bytes]) -> None:
        with self.client() as client:
            for parcel in heard:
                channel, _, data = parcel.partition(b" ")
                assert client.publish(channel, data) == 2

    def breaks(self, how: str) -> Mend:
        assert self._process is not None
        if how == "cut":
            for _ in range(3):
                with self.client() as client:
                    client.execute_command("CLIENT", "KILL", "SKIPME", "yes")
                time.sleep(0.3)
            return lambda: None
        if how == "freeze":
            return freeze([self._process.pid])
        if how == "kill":
            self._kill()
            return self.start
        assert how == "partition", how
        assert self._space is not None
        return self._space.cut()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        with suppress(redis.RedisError), self.client() as client:
            return bool(client.ping())
        return False


class Namespace:
    """A network namespace with two lines into it."""

    def __init__(self, name: str, net: str) -> None:
        self._name = name
        self.command = ["ip", "netns", "exec", name]
        self.hosts = (f"{net}.2", f"{net}.6")
        self._lines = ((f"{name}a", f"{net}.1", f"{net}.2"), (f"{name}b", f"{net}.5", f"{net}.6"))

    @classmethod
    def make(cls) -> Namespace | None:
        """None where this machine does not let one."""
        if shutil.which("ip") is None:
            return None
        dice = secrets.SystemRandom()
        name = f"tc{secrets.token_hex(4)}"
        space = cls(name, f"10.{dice.randrange(200, 250)}.{dice.randrange(256)}")
        try:
            space._build()
        except subprocess.CalledProcessError:
            space.remove()
            return None
        return space

    def _build(self) -> None:
        _ip("netns", "add", self._name)
        _ip("-n", self._name, "link", "set", "lo", "up")
        for line, here, there in self._lines:
            _ip("link", "add", line, "type", "veth", "peer", "name", "far", "netns", self._name)
            far = f"far{line[-1]}"
            _ip("-n", self._name, "link", "set", "far", "name", far)
            _ip("addr", "add", f"{here}/30", "dev", line)
            _ip("-n", self._name, "addr", "add", f"{there}/30", "dev", far)
            _ip("link", "set", line, "up")
            _ip("-n", self._name, "link", "set", far, "up")

    def cut(self) -> Mend:
        """The second node's line: what is sent over it is lost, both ways, and nobody is told."""
        _, here, _ = self._lines[1]
        _ip("-n", self._name, "route", "add", "blackhole", f"{here}/32")
        return lambda: _ip("-n", self._name, "route", "del", "blackhole", f"{here}/32")

    def remove(self) -> None:
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self._name)  # its lines go with it


def freeze(pids: list[int]) -> Mend:
    """The connections stand, and nothing comes over them any more."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return thaw


@contextmanager
def broken(broker: Broker, how: str) -> Iterator[None]:
    """Broken meanwhile; mended, whatever happens."""
    mend = broker.breaks(how)
    try:
        yield
    finally:
        mend()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
