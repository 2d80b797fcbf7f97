"""Two nodes of one installation: one database, one key ring, a port each."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair

PAIRS = 40
ACROSS = {"THERAPYCONNECT_HUB": "postgres"}


class Nodes(NamedTuple):
    one: LiveServer
    other: LiveServer


def make_node(like: LiveServer, folder: Path) -> LiveServer:
    """A further node of the installation of `like`; not started."""
    folder.mkdir(parents=True)
    shutil.copytree(like.data / "keys", folder / "keys")
    return LiveServer(folder, database_url=like.database_url, env=ACROSS)


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    with own_database(SERVER_URL) as url:
        (folder / "one").mkdir()
        one = LiveServer(folder / "one", database_url=url, env=ACROSS)
        one.start()
        other = make_node(one, folder / "other")
        other.start()
        yield Nodes(one, other)
        one.stop()
        other.stop()


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
