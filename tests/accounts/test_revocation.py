"""What ends a session ends its tokens at once, by every route."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection

from tests.accounts.api import PASSWORD, Api, log_in, logged_in, refresh
from therapyconnect.accounts import services
from therapyconnect.accounts.models import Session, User
from therapyconnect.accounts.principal import ALIVE_SQL
from therapyconnect.accounts.tokens import verify_access

NEW_PASSWORD = "another-long-password"


def _alive(*session_ids: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(ALIVE_SQL, [list(session_ids)])
        return {row[0] for row in cursor.fetchall()}


def _log_out(api: Api, session_id: str) -> None:
    assert api.auth("DELETE", "auth/session").status == 401


def _end_in_the_list(api: Api, session_id: str) -> None:
    other = logged_in("therapist@demo.test")
    listed = other.auth("GET", "auth/sessions").body["data"]
    victim = next(row["id"] for row in listed if not row["is_current"])
    assert other.auth("DELETE", "auth/sessions", {"sessions": [victim]}).status == 200
    assert other.me().status == 200


def _new_password_elsewhere(api: Api, session_id: str) -> None:
    other = logged_in("therapist@demo.test")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert other.auth("POST", "account/password/change", body).status == 200


def _new_password_by_hand(api: Api, session_id: str) -> None:
    User.objects.filter(id="t_abc123").update(password=make_password(NEW_PASSWORD))


CAUSES: dict[str, Callable[[Api, str], object]] = {
    "log-out": _log_out,
    "ended from another device": _end_in_the_list,
    "password changed elsewhere": _new_password_elsewhere,
    "password changed in the database": _new_password_by_hand,
    "user deactivated": lambda api, sid: services.deactivate_user(user_id="t_abc123"),
    "user switched off in the database": lambda api, sid: User.objects.filter(id="t_abc123").update(
        is_active=False
    ),
    "session revoked": lambda api, sid: services.revoke_session(session_id=sid),
    "all sessions revoked": lambda api, sid: services.revoke_all_sessions(user_id="t_abc123"),
    "row deleted": lambda api, sid: Session.objects.filter(key=sid).delete(),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_token_is_refused_at_once(therapist: User, patient: User, cause: str) -> None:
    bystander = logged_in("patient@demo.test")
    meta = log_in("therapist@demo.test").meta
    api = Api(token=meta["access_token"])
    session_id = verify_access(meta["access_token"]).session_id
    assert api.me().status == 200
    assert _alive(session_id) == {session_id}

    CAUSES[cause](api, session_id)

    assert api.me().status == 401
    assert api.auth("GET", "auth/session").status == 401
    assert Api(session=meta["session_token"]).auth("GET", "auth/session").status in (401, 410)
    assert refresh(meta["refresh_token"]).status == 400
    assert _alive(session_id) == set()
    assert bystander.me().status == 200


def test_who_changes_the_password_goes_on_with_new_tokens_only(therapist: User) -> None:
    old = log_in("therapist@demo.test").meta
    log_in("therapist@demo.test")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = Api(token=old["access_token"]).auth("POST", "account/password/change", body)
    assert changed.status == 200
    assert Api(token=changed.meta["access_token"]).me().status == 200
    assert refresh(changed.meta["refresh_token"]).status == 200
    assert Api(token=old["access_token"]).me().status == 401
    assert Api(session=old["session_token"]).auth("GET", "auth/session").status == 410
    assert refresh(old["refresh_token"]).status == 400
    assert Session.objects.count() == 1, "the others are gone, not only refused"
    assert log_in("therapist@demo.test").status == 400
    assert log_in("therapist@demo.test", NEW_PASSWORD).status == 200


@pytest.mark.parametrize("password", ["short", "password1234", "x" * 11])
def test_weak_passwords_are_refused(therapist: User, password: str) -> None:
    api = logged_in("therapist@demo.test")
    body = {"current_password": PASSWORD, "new_password": password}
    assert api.auth("POST", "account/password/change", body).status == 400
    assert api.me().status == 200


def test_the_list_shows_each_session_and_no_secret(therapist: User) -> None:
    first, second = log_in("therapist@demo.test").meta, log_in("therapist@demo.test").meta
    answer = Api(token=first["access_token"]).auth("GET", "auth/sessions")
    assert [row["is_current"] for row in answer.body["data"]].count(True) == 1
    assert len(answer.body["data"]) == 2
    for meta in (first, second):
        assert meta["session_token"] not in str(answer.body)


def test_nobody_ends_the_session_of_another(therapist: User, patient: User) -> None:
    mine = logged_in("patient@demo.test")
    (row,) = mine.auth("GET", "auth/sessions").body["data"]
    thief = logged_in("therapist@demo.test")
    assert thief.auth("DELETE", "auth/sessions", {"sessions": [row["id"]]}).status == 400
    assert mine.me().status == 200


def test_revoking_twice_changes_nothing(therapist: User) -> None:
    session_id = services.open_sessions([therapist])["t_abc123"]
    services.revoke_session(session_id=session_id)
    services.revoke_session(session_id=session_id)
    assert services.revoke_all_sessions(user_id="t_abc123") == 0
    services.deactivate_user(user_id="t_abc123")
    services.deactivate_user(user_id="t_abc123")


def test_a_session_that_ends_under_a_request_stays_ended(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that saves its session late does not bring back what was ended meanwhile."""
    from allauth.mfa.totp.internal import auth

    def end_meanwhile(*args: object, **kwargs: object) -> str:
        services.revoke_all_sessions(user_id="t_abc123")
        return original(*args, **kwargs)

    original = auth.get_totp_secret
    monkeypatch.setattr(auth, "get_totp_secret", end_meanwhile)
    api = logged_in("therapist@demo.test")
    assert api.auth("GET", "account/authenticators/totp").status == 401
    assert Session.objects.count() == 0
