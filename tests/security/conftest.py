"""Who tries what: a log-in each for those whom the pairs don't have, and their chats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.api.calls import connect
from tests.harness.server import LiveServer, Pair
from tests.security.stage import Cast, Person, Stage, cast_of


@pytest.fixture
def quiet(server: LiveServer) -> Iterator[None]:
    """Fails where the server logged an error meanwhile."""
    with no_error_logged(server):
        yield


@contextmanager
def no_error_logged(server: LiveServer) -> Iterator[None]:
    before = len(server.log_text())
    yield
    news = server.log_text()[before:]
    for sign in ("Traceback", '"exception"', '"level": "error"', '"level": "critical"'):
        assert sign not in news, news[-3000:]


@pytest.fixture(scope="module")
def module_pair(_pairs: Iterator[Pair]) -> Pair:
    return next(_pairs)


@pytest.fixture(scope="module")
def cast(server: LiveServer, module_pair: Pair, _pairs: Iterator[Pair], admin_token: str) -> Cast:
    return cast_of(server, module_pair, next(_pairs), next(_pairs), admin_token)


@pytest.fixture(scope="module")
def clients(server: LiveServer, cast: Cast) -> Iterator[Callable[[Person], httpx.Client]]:
    """A client for each person, made once."""
    made: dict[str | None, httpx.Client] = {}

    def client(person: Person) -> httpx.Client:
        if person.token not in made:
            made[person.token] = connect(server, person.token)
        return made[person.token]

    yield client
    for api in made.values():
        api.close()


@pytest.fixture(scope="module")
def stages(
    server: LiveServer, cast: Cast, clients: Callable[[Person], httpx.Client]
) -> dict[bool, Stage]:
    """The pair's chat, and the one whose care has ended."""
    admin = clients(cast.admin)
    return {
        False: Stage(server, cast.pair, admin),
        True: Stage(server, cast.ended, admin, ended=True),
    }
