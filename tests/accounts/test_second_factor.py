"""TOTP and recovery codes: enrolled, asked for, used once; required in production."""

from __future__ import annotations

from typing import Any

import pytest

from tests.accounts.api import PASSWORD, Answer, Api, code_of, enrol, log_in, logged_in, refresh
from tests.accounts.conftest import make_user
from therapyconnect.accounts.models import Session, User
from therapyconnect.core.clock import now


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves TOTP's clock on, since a code opens only once."""
    import time

    from allauth.mfa.totp.internal import auth

    class _Clock:
        shift = 0.0

        def time(self) -> float:
            return time.time() + self.shift

    clock = _Clock()
    monkeypatch.setattr(auth, "time", clock)
    return clock


def _second_step(started: Answer, code: str) -> Answer:
    api = Api(session=started.meta["session_token"])
    return api.auth("POST", "auth/2fa/authenticate", {"code": code})


def test_the_second_factor_stands_between_password_and_tokens(therapist: User, later: Any) -> None:
    secret, _ = enrol(logged_in("therapist@demo.test"))
    later.shift += 60
    started = log_in("therapist@demo.test")
    assert started.status == 401
    assert started.meta["is_authenticated"] is False
    assert "access_token" not in started.meta
    assert "refresh_token" not in started.meta
    flows = started.body["data"]["flows"]
    assert any(flow["id"] == "mfa_authenticate" and flow["is_pending"] for flow in flows)

    # The half-open session opens nothing.
    half = Api(session=started.meta["session_token"])
    assert half.auth("GET", "auth/session").status == 401
    assert half.auth("GET", "auth/sessions").status == 401
    assert half.me().status == 401
    assert Session.objects.filter(user_id=None).get().expire_date < now() + _half_an_hour()

    assert _second_step(started, "000000").status == 400
    finished = _second_step(started, code_of(secret, later=later.shift))
    assert finished.status == 200, finished
    me = Api(token=finished.meta["access_token"]).me()
    assert me.status == 200
    assert me.body["mfa_enrolled"] is True
    assert refresh(finished.meta["refresh_token"]).status == 200
    # The key of the half-open session is not the key of the open one.
    assert finished.meta["session_token"] != started.meta["session_token"]
    assert half.auth("GET", "auth/session").status == 410


def test_a_code_opens_once(therapist: User, later: Any) -> None:
    secret, _ = enrol(logged_in("therapist@demo.test"))
    later.shift += 60
    code = code_of(secret, later=later.shift)
    assert _second_step(log_in("therapist@demo.test"), code).status == 200
    assert _second_step(log_in("therapist@demo.test"), code).status == 400


def test_a_recovery_code_opens_once(therapist: User) -> None:
    _, codes = enrol(logged_in("therapist@demo.test"))
    assert len(codes) == 10
    assert _second_step(log_in("therapist@demo.test"), codes[3]).status == 200
    assert _second_step(log_in("therapist@demo.test"), codes[3]).status == 400
    assert _second_step(log_in("therapist@demo.test"), codes[4]).status == 200


def test_enrolling_asks_for_the_password_again(therapist: User) -> None:
    api = logged_in("therapist@demo.test")
    secret = api.auth("GET", "account/authenticators/totp").meta.get("secret")
    body = {"code": code_of(secret)} if secret else {"code": "000000"}
    assert api.auth("POST", "account/authenticators/totp", body).status == 401
    assert api.auth("POST", "auth/reauthenticate", {"password": "wrong"}).status == 400
    assert api.auth("POST", "auth/reauthenticate", {"password": PASSWORD}).status == 200
    enrol(api)


def test_passkey_options_are_handed_out(therapist: User) -> None:
    api = logged_in("therapist@demo.test")
    api.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    options = api.auth("GET", "account/authenticators/webauthn")
    assert options.status == 200
    assert options.body["data"]["creation_options"]["publicKey"]["rp"]["id"] == "localhost"
    assert Api().auth("GET", "auth/webauthn/login").status == 200


@pytest.mark.parametrize(
    ("user_id", "email"), [("t_abc123", "therapist@demo.test"), ("a_admin1", "admin@demo.test")]
)
def test_production_asks_therapists_and_admins_to_enrol(
    db: None, production: None, later: Any, user_id: str, email: str
) -> None:
    make_user(user_id, email)
    api = logged_in(email)
    refused = api.me()
    assert refused.status == 403
    assert refused.body["errors"][0]["code"] == "mfa_required"
    assert api.auth("GET", "auth/session").status == 200
    secret, _ = enrol(api)
    assert api.me().status == 200
    later.shift += 60
    finished = _second_step(log_in(email), code_of(secret, later=later.shift))
    assert Api(token=finished.meta["access_token"]).me().status == 200


def test_production_asks_it_of_no_patient_and_the_demo_of_nobody(
    patient: User, settings: Any
) -> None:
    make_user("t_abc123", "therapist@demo.test")
    assert logged_in("therapist@demo.test").me().status == 200
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "MODE": "production"}
    assert logged_in("patient@demo.test").me().status == 200


def test_taking_the_factor_away_closes_production_again(therapist: User, production: None) -> None:
    api = logged_in("therapist@demo.test")
    enrol(api)
    assert api.me().status == 200
    assert api.auth("DELETE", "account/authenticators/totp").status == 200
    assert api.me().status == 403


def _half_an_hour() -> Any:
    from datetime import timedelta

    return timedelta(minutes=31)
