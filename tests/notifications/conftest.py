"""Clients of the pair, of those outside, and of the administrator who writes to them."""

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


@pytest.fixture(scope="session")
def admin(server: LiveServer) -> Iterator[httpx.Client]:
    with connect(server, server.login("admin@demo.test")["access_token"]) as client:
        yield client
