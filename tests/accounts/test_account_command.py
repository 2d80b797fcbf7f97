"""`manage.py account`: what an administrator does for somebody who is locked out, or must be."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from tests.accounts.api import PASSWORD, Api, enrol, log_in, logged_in, refresh
from therapyconnect.accounts.models import Session, User

THERAPIST, PATIENT = "therapist@demo.test", "patient@demo.test"
OTHER_PASSWORD = "a passphrase of another kind"


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    return Account(monkeypatch)


class Account:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, what: str, who: str, password: str | None = None) -> str:
        out = io.StringIO()
        arguments = []
        if password is not None:
            self._monkeypatch.setattr("sys.stdin", io.StringIO(password + "\n"))
            arguments = ["--password-stdin"]
        call_command("account", what, who, *arguments, stdout=out)
        return out.getvalue()


def test_who_forgot_the_password_gets_another_and_every_session_ends(
    therapist: User, patient: User, account: Account
) -> None:
    before, bystander = log_in(THERAPIST).meta, logged_in(PATIENT)
    assert account("password", "t_abc123", OTHER_PASSWORD).startswith("t_abc123\t")
    assert Api(token=before["access_token"]).me().status == 401
    assert refresh(before["refresh_token"]).status == 400
    assert log_in(THERAPIST).status == 400
    assert log_in(THERAPIST, OTHER_PASSWORD).status == 200
    assert bystander.me().status == 200


@pytest.mark.parametrize(("password", "says"), [("short", "too short"), ("", "no password")])
def test_a_bad_password_changes_nothing(
    therapist: User, account: Account, password: str, says: str
) -> None:
    api = logged_in(THERAPIST)
    with pytest.raises(CommandError, match=says):
        account("password", THERAPIST, password)
    assert api.me().status == 200
    assert log_in(THERAPIST).status == 200


def test_who_lost_the_phone_gets_in_by_the_password_alone(
    therapist: User, account: Account
) -> None:
    api = logged_in(THERAPIST)
    enrol(api)
    assert log_in(THERAPIST).status == 401  # asked for the code
    assert "2 second factors" in account("reset-factors", THERAPIST)  # app and recovery codes
    assert not Session.objects.filter(user_id="t_abc123").exists()
    assert api.me().status == 401
    entered = log_in(THERAPIST)
    assert entered.status == 200
    assert Api(token=entered.meta["access_token"]).me().body["mfa_enrolled"] is False
    assert "0 second factors" in account("reset-factors", THERAPIST)


def test_a_log_in_that_was_half_way_ends_there(therapist: User, account: Account) -> None:
    """Whoever knows the old password and waits at the code gets in by neither change."""
    enrol(logged_in(THERAPIST))
    half = Api(session=log_in(THERAPIST).meta["session_token"])
    account("password", THERAPIST, OTHER_PASSWORD)
    account("reset-factors", THERAPIST)
    assert half.auth("POST", "auth/2fa/authenticate", {"code": "000000"}).status >= 400
    assert half.auth("GET", "auth/session").status in (401, 410)
    assert half.auth("GET", "auth/sessions").status in (401, 410)
    assert half.me().status == 401


def test_off_and_on_again(therapist: User, patient: User, account: Account) -> None:
    api, bystander = logged_in(PATIENT), logged_in(THERAPIST)
    for _ in range(2):
        assert account("deactivate", PATIENT) == f"p_xyz789\t{PATIENT}\tdeactivated\n"
    assert api.me().status == 401
    assert log_in(PATIENT).status != 200
    for _ in range(2):
        account("activate", "p_xyz789")
    assert api.me().status == 401, "what has ended stays ended"
    assert log_in(PATIENT, PASSWORD).status == 200
    assert bystander.me().status == 200


@pytest.mark.parametrize("what", ["deactivate", "activate", "password", "reset-factors"])
@pytest.mark.parametrize("who", ["p_nobody", "nobody@demo.test", ""])
def test_who_is_not_there_is_said(db: None, account: Account, what: str, who: str) -> None:
    with pytest.raises(CommandError, match="There is no user"):
        account(what, who, OTHER_PASSWORD)
