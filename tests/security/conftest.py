"""A log-in each for those whom the pairs don't have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.server import LiveServer, Pair


@pytest.fixture(scope="session")
def admin_token(server: LiveServer) -> str:
    return server.login("admin@demo.test")["access_token"]


@pytest.fixture
def quiet(server: LiveServer) -> Iterator[None]:
    """Fails where the server logged an error meanwhile."""
    before = len(server.log_text())
    yield
    news = server.log_text()[before:]
    for sign in ("Traceback", '"exception"', '"level": "error"', '"level": "critical"'):
        assert sign not in news, news[-3000:]


@pytest.fixture(scope="module")
def module_pair(_pairs: Iterator[Pair]) -> Pair:
    return next(_pairs)
