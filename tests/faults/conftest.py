"""One installation for the faults that leave it as it was; those that don't bring their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.conftest import stack  # noqa: F401  # a fixture
from tests.harness.server import LiveServer, Pair
from therapyconnect.embedded import Lease, lease

PAIRS = 96

Take = Callable[[int], list[Pair]]


@pytest.fixture(scope="session")
def held(stack: LiveServer) -> Iterator[Lease]:  # noqa: F811
    """A user of the stack's PostgreSQL besides the application, so that it outlives that one."""
    with lease(stack.data / "postgres") as held:
        yield held


@pytest.fixture(scope="session")
def superuser(held: Lease) -> str:
    """The address of the stack's database for who may do anything there."""
    return held.superuser_url.replace("/postgres?", "/therapyconnect?")


@pytest.fixture(scope="session")
def take(stack: LiveServer) -> Take:  # noqa: F811
    """`take(n)`: pairs with empty chats on `stack` that no other test uses."""
    pairs = iter(stack.load_pairs(PAIRS))
    return lambda count: [next(pairs) for _ in range(count)]
