"""Two nodes of one installation: one database, one key ring, a port each; once for each engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.brokers import Broker, Postgres, RedisServer
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair

PAIRS = 40
ENGINES = ("postgres", "redis")
NO_REDIS = "no redis-server on this machine (Debian: apt-get install redis-server)"


@dataclass
class Nodes:
    one: LiveServer
    other: LiveServer
    broker: Broker
    engine: str

    def __iter__(self) -> Iterator[LiveServer]:
        return iter((self.one, self.other))


def make_node(like: LiveServer, folder: Path, hub: str) -> LiveServer:
    """A further node of the installation of `like`; not started."""
    folder.mkdir(parents=True)
    shutil.copytree(like.data / "keys", folder / "keys")
    env = {"THERAPYCONNECT_HUB": hub}
    return LiveServer(folder, database_url=like.database_url, env=env)


@contextmanager
def broker_of(engine: str, url: str, folder: Path) -> Iterator[Broker]:
    """The engine's broker; PostgreSQL's is the database at `url`."""
    if engine == "postgres":
        yield Postgres(url)
        return
    if shutil.which("redis-server") is None:
        pytest.skip(NO_REDIS)
    server = RedisServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session", params=ENGINES)
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    with own_database(SERVER_URL) as url, broker_of(request.param, url, folder) as broker:
        (folder / "one").mkdir()
        env = {"THERAPYCONNECT_HUB": broker.addresses[0]}
        one = LiveServer(folder / "one", database_url=url, env=env)
        other = None
        try:
            one.start()
            other = make_node(one, folder / "other", broker.addresses[1])
            other.start()
            yield Nodes(one, other, broker, request.param)
        finally:
            for node in (one, other):
                if node is not None:
                    node.stop()


@pytest.fixture(scope="session")
def _node_pairs(nodes: Nodes) -> Iterator[Pair]:
    return iter(nodes.one.load_pairs(PAIRS))


@pytest.fixture
def pair(_node_pairs: Iterator[Pair]) -> Pair:
    """With an empty chat that no other test of the nodes uses."""
    return next(_node_pairs)


@pytest.fixture
def other(_node_pairs: Iterator[Pair]) -> Pair:
    return next(_node_pairs)


@pytest.fixture
def take(_node_pairs: Iterator[Pair]) -> Callable[[int], list[Pair]]:
    return lambda count: [next(_node_pairs) for _ in range(count)]
