"""Clients of the pair, of those outside, and of the administrator who writes to them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.calls import connect
from tests.harness.server import LiveServer, Pair


@pytest.fixture
def pair(server: LiveServer, pair: Pair) -> Pair:
    """Without what was written to everyone before."""
    server.sql(
        "DELETE FROM notifications_notification WHERE user_id IN (%s, %s)",
        (pair.therapist_id, pair.patient_id),
    )
    return pair


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
