"""The same doors on the real server: its own process, its own threads, over the network."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.harness.server import PASSWORD, LiveServer

AUTH = "/_allauth/app/v1"


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base, timeout=20) as client:
        yield client


def _log_in(http: httpx.Client, email: str) -> dict[str, str]:
    answer = http.post(f"{AUTH}/auth/login", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    meta: dict[str, str] = answer.json()["meta"]
    return meta


def _me(http: httpx.Client, token: str) -> httpx.Response:
    return http.get("/api/me/", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("email", "user_id", "role"),
    [
        ("therapist@demo.test", "t_abc123", "therapist"),
        ("patient@demo.test", "p_xyz789", "patient"),
        ("admin@demo.test", "a_admin1", "admin"),
    ],
)
def test_the_demo_accounts_log_in(http: httpx.Client, email: str, user_id: str, role: str) -> None:
    me = _me(http, _log_in(http, email)["access_token"])
    assert me.status_code == 200
    assert (me.json()["id"], me.json()["role"]) == (user_id, role)


def test_a_session_lives_is_refreshed_and_ends(http: httpx.Client) -> None:
    meta = _log_in(http, "patient2@demo.test")
    body = {"refresh_token": meta["refresh_token"]}
    renewed = http.post(f"{AUTH}/tokens/refresh", json=body).json()["data"]
    token = renewed["access_token"]
    assert _me(http, token).status_code == 200
    out = http.delete(f"{AUTH}/auth/session", headers={"Authorization": f"Bearer {token}"})
    assert out.status_code == 401  # allauth's way of saying: nobody is logged in now
    for ended in (token, meta["access_token"]):
        answer = _me(http, ended)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    body = {"refresh_token": renewed["refresh_token"]}
    assert http.post(f"{AUTH}/tokens/refresh", json=body).status_code == 400


def test_concurrent_refreshes_over_the_network(http: httpx.Client) -> None:
    body = {"refresh_token": _log_in(http, "patient3@demo.test")["refresh_token"]}
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: http.post(f"{AUTH}/tokens/refresh", json=body), range(16))
        )
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert _me(http, answer.json()["data"]["access_token"]).status_code == 200


def test_odd_bytes_in_headers_are_401_or_410(http: httpx.Client) -> None:
    for value in (b"Bearer \xff\xfe", b"Bearer a.b.c", b"Bearer ..", b"bearer"):
        assert http.get("/api/me/", headers={b"Authorization": value}).status_code == 401
    answer = http.get(f"{AUTH}/auth/session", headers={b"X-Session-Token": b"\xff'--"})
    assert answer.status_code == 410
