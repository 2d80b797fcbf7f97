"""Log-in by e-mail and password, and who the caller then is."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.accounts.api import AUTH, PASSWORD, Api, log_in, logged_in
from therapyconnect.accounts import services
from therapyconnect.accounts.models import Session, User


def test_log_in_hands_out_tokens_and_me_says_who(therapist: User) -> None:
    answer = log_in("therapist@demo.test")
    assert answer.status == 200
    assert {"access_token", "refresh_token", "session_token"} <= set(answer.meta)
    me = Api(token=answer.meta["access_token"]).me()
    assert me.status == 200
    assert me.body == {
        "id": "t_abc123",
        "role": "therapist",
        "first_name": "Given",
        "last_name": "Family",
        "full_name": "Given Family",
        "email": "therapist@demo.test",
        "mfa_enrolled": False,
    }


@pytest.mark.parametrize("email", ["THERAPIST@DEMO.TEST", " Therapist@Demo.test "])
def test_the_case_of_an_address_does_not_matter(therapist: User, email: str) -> None:
    assert log_in(email).status == 200


def test_wrong_password_and_unknown_address_answer_alike(therapist: User) -> None:
    wrong = log_in("therapist@demo.test", "not-the-password")
    unknown = log_in("nobody@demo.test", "not-the-password")
    assert wrong.status == unknown.status == 400
    assert wrong.body == unknown.body
    assert Session.objects.count() == 0


def test_wrong_password_and_unknown_address_take_the_same_time(db: None, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
    services.create_user(id="t_abc123", email="therapist@demo.test", password=PASSWORD)
    spent: dict[str, list[float]] = {"therapist@demo.test": [], "nobody@demo.test": []}
    for _ in range(5):
        for email, times in spent.items():
            # The work, not the clock: whoever else wants the core is no difference of ours.
            start = time.process_time()
            assert log_in(email, "not-the-password").status == 400
            times.append(time.process_time() - start)
    known, unknown = (statistics.median(times) for times in spent.values())
    assert known > 0.02, "hashing takes its time, or this test proves nothing"
    assert 0.6 < known / unknown < 1.6


def test_a_deactivated_user_cannot_log_in(therapist: User) -> None:
    services.deactivate_user(user_id="t_abc123")
    answer = log_in("therapist@demo.test")
    assert answer.status in (400, 401)
    assert "access_token" not in answer.body.get("meta", {})
    assert not Session.objects.filter(user_id="t_abc123").exists()


def test_nobody_signs_up(db: None) -> None:
    body = {"email": "new@demo.test", "password": PASSWORD}
    assert Api().auth("POST", "auth/signup", body).status == 404
    assert Api().auth("GET", "config").body["data"]["account"]["is_open_for_signup"] is False
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    "route", ["auth/password/request", "account/email", "account/phone", "auth/code/request"]
)
def test_routes_that_need_an_e_mail_door_are_not_served(therapist: User, route: str) -> None:
    api = logged_in("therapist@demo.test")
    assert api.auth("POST", route, {"email": "patient@demo.test"}).status == 404


def test_no_token_is_401_with_the_challenge(db: None) -> None:
    answer = Api().me()
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.body["errors"][0]["code"] == "not_authenticated"


def test_a_token_in_the_query_or_a_cookie_is_not_read(therapist: User) -> None:
    api = logged_in("therapist@demo.test")
    for name in ("token", "access_token", "authorization", "bearer"):
        assert Api().call("GET", f"/api/me/?{name}={api.token}").status == 401
    for value in (f"sessionid={api.token}", f"access_token={api.token}"):
        assert Api().call("GET", "/api/me/", headers={"Cookie": value}).status == 401


@pytest.mark.parametrize(
    "header", ["Basic dTpw", "bearer", "Bearer ", "Bearer a b", "Token {0}", "Bearer  {0}", "{0}"]
)
def test_other_authorization_headers_are_401(therapist: User, header: str) -> None:
    token = logged_in("therapist@demo.test").token
    answer = Api().call("GET", "/api/me/", headers={"Authorization": header.format(token)})
    assert answer.status == 401


def test_authentication_is_one_query_a_request(therapist: User, patient: User) -> None:
    api = logged_in("therapist@demo.test")
    for _ in range(3):
        logged_in("therapist@demo.test")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert api.me().status == 200
    asked = [query["sql"] for query in queries.captured_queries]
    assert len(asked) == 2, asked  # who is calling; their address
    assert "accounts_session" in asked[0]


def test_nul_is_refused_wherever_it_hides(therapist: User) -> None:
    token = log_in("therapist@demo.test").meta["refresh_token"]
    for odd in ("\x00", {"a": ["b\x00"]}, {"\x00": 1}):
        body = {"refresh_token": token, "other": odd}
        assert Api().auth("POST", "tokens/refresh", body).status == 400
    assert Api().auth("POST", "tokens/refresh", {"refresh_token": token}).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'{"email": "\\ud800", "password": "x"}', 400),
        (b'{"email": "a@b.test", "password": "\\ud800"}', 400),
        (b'{"email": "a@b.test", "password": "\\u0000"}', 400),
        (b'{"email": "a@b.test", "email": "c@d.test", "password": "x"}', 400),
        (b'{"email": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400),
        (b'{"email": NaN, "password": 1e400}', 400),
        (b"\xff\xfe", 400),
        (b'{"email": {"a": 1}, "password": ["x"]}', 400),
        (b"{}", 400),
        (b"x" * 3_000_000, 413),
    ],
)
def test_malformed_log_ins_are_refused_without_a_5xx(
    therapist: User, body: bytes, status: int
) -> None:
    assert Api().call("POST", AUTH + "auth/login", body).status == status
