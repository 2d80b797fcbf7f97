"""A cursor that we did not write is refused, whatever it decodes to."""

from __future__ import annotations

import base64

import pytest

from tests.harness.server import LiveServer, Pair


@pytest.mark.parametrize(
    "inside",
    [
        '["0001-01-01T00:00:00+23:59","x"]',
        '["9999-12-31T23:59:59-23:59","x"]',
        '["2026-01-01T00:00:00","x"]',
        '["2026-01-01T00:00:00+01:00","x"]',
        '["2026-01-01T00:00:00Z","\\u0000"]',
        "[]",
        "{}",
        "\ud800".encode("utf-16", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_forged_cursor_is_invalid(server: LiveServer, pair: Pair, inside: str) -> None:
    cursor = base64.urlsafe_b64encode(inside.encode()).decode().rstrip("=")
    with server.api(pair.therapist_token) as api:
        answer = api.get("chats/", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_cursor")
