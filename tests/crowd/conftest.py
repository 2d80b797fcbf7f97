"""A server for the crowd, on a database of its own: it is killed, and its memory is measured."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator

import pytest

from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair

CHAOS = float(os.environ.get("TC_CHAOS") or 0)
"""TC_CHAOS=1 is the whole promise; the default fits into every test run."""


BATCH = 100
FEW_FILES = 128


@pytest.fixture
def measured(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`measured(text)`: a figure for the report of the run, and for whoever reads along."""

    def tell(text: str) -> None:
        record_property("measured", text)
        print(text)  # noqa: T201

    return tell


@pytest.fixture
def need_files() -> Callable[[int], None]:
    """`need_files(n)`: that this process and the server may each have so many open, or skip."""

    def need(count: int) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < count:
            pytest.skip(f"this machine lets a process have {hard} files open, not {count}")
        if soft != resource.RLIM_INFINITY and soft < count:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))

    return need


@pytest.fixture(scope="package")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The product, throttles off; started where a shell allows few open files, as many do."""
    from tests.conftest import SERVER_URL

    with own_database(SERVER_URL) as url:
        live = LiveServer(tmp_path_factory.mktemp("crowd"), database_url=url)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
        try:
            live.start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        yield live
        if live.process is not None:
            live.kill()


class Supply:
    """Pairs of one server, each to be used once; all are kept, since making them takes long."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server
        self._next = 1
        self._ready: list[Pair] = []
        self._twice: list[tuple[Pair, Pair]] = []

    def take_twice(self, count: int) -> tuple[list[Pair], list[Pair]]:
        """So many people, each with two sessions."""
        if len(self._twice) < count:
            first = self._server.load_pairs(BATCH, first=self._next)
            again = self._server.load_pairs(BATCH, first=self._next)
            assert [pair.chat_id for pair in first] == [pair.chat_id for pair in again]
            self._next += BATCH
            self._twice += zip(first, again)
        taken = self._twice[:count]
        del self._twice[:count]
        return [first for first, _ in taken], [second for _, second in taken]

    def take(self, count: int) -> list[Pair]:
        while len(self._ready) < count:
            # Many at a time: each call is a process of its own, which starts for seconds.
            more = max(200, min(1000, count - len(self._ready)))
            self._ready += self._server.load_pairs(more, first=self._next)
            self._next += more
        taken = self._ready[:count]
        del self._ready[:count]
        return taken


@pytest.fixture(scope="package")
def supply(crowded: LiveServer) -> Supply:
    return Supply(crowded)
