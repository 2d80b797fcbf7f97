"""Clients of the pair, and of those outside."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.calls import connect
from tests.harness.server import LiveServer, Pair


@pytest.fixture
def therapist(server: LiveServer, pair: Pair) -> Iterator[httpx.Client]:
    with connect(server, pair.therapist_token) as client:
        yield client


@pytest.fixture
def patient(server: LiveServer, pair: Pair) -> Iterator[httpx.Client]:
    with connect(server, pair.patient_token) as client:
        yield client


@pytest.fixture
def outsider(server: LiveServer, other_pair: Pair) -> Iterator[httpx.Client]:
    """A therapist who has nothing to do with the pair."""
    with connect(server, other_pair.therapist_token) as client:
        yield client


@pytest.fixture(scope="session")
def admin(server: LiveServer) -> Iterator[httpx.Client]:
    with connect(server, server.lasting_token("a_admin1")) as client:
        yield client
