"""A talk of its own for each of the seed's lines."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.calls import (
    connect,
)
from tests.harness.server import LiveServer, Pair
from tests.seed.talk import Talk


@pytest.fixture
def talk(server: LiveServer, pair: Pair) -> Iterator[Talk]:
    with connect(server, pair.therapist_token) as one, connect(server, pair.patient_token) as two:
        yield Talk(pair, one, two)


@pytest.fixture
def admin(server: LiveServer, admin_token: str) -> Iterator[httpx.Client]:
    with connect(server, admin_token) as api:
        yield api
