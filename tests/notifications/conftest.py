"""Clients of the pair, of those outside, and of the administrator who writes to them."""

from __future__ import annotations

import pytest

from tests.api.conftest import admin, patient, therapist  # noqa: F401 (fixtures)
from tests.harness.server import LiveServer, Pair


@pytest.fixture
def pair(server: LiveServer, pair: Pair) -> Pair:
    """Without what was written to everyone before."""
    server.sql(
        "DELETE FROM notifications_notification WHERE user_id IN (%s, %s)",
        (pair.therapist_id, pair.patient_id),
    )
    return pair
