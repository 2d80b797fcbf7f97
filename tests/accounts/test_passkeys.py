"""Passkeys, driven by a software authenticator through the app client's routes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from tests.accounts.api import PASSWORD, Answer, Api, log_in, logged_in
from tests.accounts.authenticator import PRESENT, Passkey, b64
from tests.accounts.conftest import make_user
from tests.harness.server import LiveServer, Pair
from therapyconnect.accounts.models import User

MANAGE = "account/authenticators/webauthn"


def creation_options(api: Api) -> dict[str, Any]:
    assert api.auth("POST", "auth/reauthenticate", {"password": PASSWORD}).status == 200
    answer = api.call("GET", f"/_allauth/app/v1/{MANAGE}?passwordless")
    assert answer.status == 200, answer
    options: dict[str, Any] = answer.body["data"]["creation_options"]
    return options


def enrolled(email: str, **how: Any) -> tuple[Passkey, Api]:
    """A passkey of the account with that address, and the client that enrolled it."""
    api, passkey = logged_in(email), Passkey(**how)
    credential = passkey.create(creation_options(api))
    answer = api.auth("POST", MANAGE, {"name": "phone", "credential": credential})
    assert answer.status == 200, answer
    return passkey, api


class Attempt:
    """A log-in by passkey under way: the challenge, and the session that holds it."""

    def __init__(self) -> None:
        begun = Api().auth("GET", "auth/webauthn/login")
        assert begun.status == 200
        self.options: dict[str, Any] = begun.body["data"]["request_options"]
        self.api = Api(session=begun.meta["session_token"])

    def send(self, credential: Any) -> Answer:
        return self.api.auth("POST", "auth/webauthn/login", {"credential": credential})


def refused(answer: Answer) -> None:
    assert answer.status == 400, answer
    assert answer.body["errors"][0]["code"] == "incorrect_code"
    assert "access_token" not in answer.body.get("meta", {})


def test_enrol_log_out_and_log_in_with_the_passkey_alone(therapist: User) -> None:
    passkey, api = enrolled("therapist@demo.test")
    listed = api.auth("GET", "account/authenticators").body["data"]
    assert {"webauthn", "recovery_codes"} == {one["type"] for one in listed}
    assert api.auth("DELETE", "auth/session").status == 401
    assert api.me().status == 401

    attempt = Attempt()
    assert attempt.options["publicKey"]["rpId"] == "localhost"
    assert attempt.options["publicKey"]["userVerification"] == "required"
    answer = attempt.send(passkey.get(attempt.options))
    assert answer.status == 200, answer
    me = Api(token=answer.meta["access_token"]).me()
    assert (me.status, me.body["id"]) == (200, "t_abc123")
    # It asked for no second factor and it may be used again.
    again = Attempt()
    assert again.send(passkey.get(again.options)).status == 200


def test_a_passkey_as_second_factor(therapist: User) -> None:
    passkey, _ = enrolled("therapist@demo.test")
    started = log_in("therapist@demo.test")
    assert started.status == 401
    flow = next(f for f in started.body["data"]["flows"] if f.get("is_pending"))
    assert (flow["id"], "webauthn" in flow["types"]) == ("mfa_authenticate", True)
    half = Api(session=started.meta["session_token"])
    options = half.auth("GET", "auth/webauthn/authenticate").body["data"]["request_options"]
    assert options["publicKey"]["allowCredentials"][0]["id"] == b64(passkey.id)
    refused(half.auth("POST", "auth/webauthn/authenticate",
                      {"credential": Passkey().get(options)}))  # fmt: skip
    # A key that is only touched is enough here: the password was given.
    credential = passkey.get(options, flags=PRESENT)
    finished = half.auth("POST", "auth/webauthn/authenticate", {"credential": credential})
    assert finished.status == 200, finished
    assert Api(token=finished.meta["access_token"]).me().status == 200


def test_a_passkey_confirms_who_is_there(therapist: User) -> None:
    passkey, api = enrolled("therapist@demo.test")
    options = api.auth("GET", "auth/webauthn/reauthenticate").body["data"]["request_options"]
    body = {"credential": passkey.get(options)}
    assert api.auth("POST", "auth/webauthn/reauthenticate", body).status == 200
    refused(api.auth("POST", "auth/webauthn/reauthenticate", body))


BENT_LOGINS: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": b64(secrets.token_bytes(32))},
    "no challenge": {"challenge": ""},
    "another site": {"origin": "https://elsewhere.example"},
    "another port": {"origin": "http://localhost:9000"},
    "another scheme": {"origin": "https://localhost:8000"},
    "a name below": {"origin": "http://evil.localhost:8000"},
    "a path behind": {"origin": "http://localhost:8000/"},
    "origin null": {"origin": "null"},
    "origin list": {"origin": ["http://localhost:8000"]},
    "in another's frame": {"cross_origin": True},
    "another domain": {"domain": "elsewhere.example"},
    "the domain of the test's host": {"domain": "testserver"},
    "an enrolment's answer": {"type": "webauthn.create"},
    "nobody present": {"flags": 0},
    "nobody verified": {"flags": PRESENT},
    "another's key": {"signer": Passkey().private},
    "nobody's handle": {"user_handle": b"t_nobody"},
    "no handle": {"user_handle": b""},
    "the counter as it was": {"counter": 1},
    "the counter gone back": {"counter": 0},
}


@pytest.mark.parametrize("fault", BENT_LOGINS)
def test_a_log_in_is_refused(therapist: User, fault: str) -> None:
    passkey, _ = enrolled("therapist@demo.test")
    attempt = Attempt()
    refused(attempt.send(passkey.get(attempt.options, **BENT_LOGINS[fault])))
    if "counter" in fault:  # it was truly signed, so its challenge is used up
        attempt = Attempt()
    assert attempt.send(passkey.get(attempt.options)).status == 200, "the fault was the reason"


BENT_ENROLMENTS = {
    name: bent
    for name, bent in BENT_LOGINS.items()
    if not {"signer", "user_handle", "counter", "type"} & set(bent)
} | {"an assertion": {"type": "webauthn.get"}}


@pytest.mark.parametrize("fault", BENT_ENROLMENTS)
def test_an_enrolment_is_refused(therapist: User, fault: str) -> None:
    api, passkey = logged_in("therapist@demo.test"), Passkey()
    options = creation_options(api)
    body = {"name": "x", "credential": passkey.create(options, **BENT_ENROLMENTS[fault])}
    refused(api.auth("POST", MANAGE, body))
    assert not Authenticator.objects.exists()
    good = {"name": "x", "credential": passkey.create(options)}
    assert api.auth("POST", MANAGE, good).status == 200


def test_an_assertion_opens_once(therapist: User) -> None:
    """Also for an authenticator that does not count, and with the session's secret at hand."""
    for counts in (True, False):
        passkey, _ = enrolled("therapist@demo.test", counts=counts) if counts else _second_key()
        attempt = Attempt()
        credential = passkey.get(attempt.options)
        assert attempt.send(credential).status == 200
        assert attempt.send(credential).status in (400, 401, 409, 410)
        other = Attempt()
        refused(other.send(credential))
        assert Api(session=other.api.session).auth("GET", "auth/session").status == 401


def _second_key() -> tuple[Passkey, Api]:
    """Another, which never counts; the log-in asks for the first one no more."""
    Authenticator.objects.all().delete()
    return enrolled("therapist@demo.test", counts=False)


def test_an_enrolment_is_taken_once(therapist: User) -> None:
    api, passkey = logged_in("therapist@demo.test"), Passkey()
    body = {"name": "x", "credential": passkey.create(creation_options(api))}
    assert api.auth("POST", MANAGE, body).status == 200
    refused(api.auth("POST", MANAGE, body))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("counts", [True, False])
def test_an_assertion_opens_once_however_many_bring_it(counts: bool) -> None:
    make_user("t_abc123", "therapist@demo.test")
    passkey, _ = enrolled("therapist@demo.test", counts=counts)
    attempt = Attempt()
    credential = passkey.get(attempt.options)

    def send(_: int) -> int:
        try:
            return attempt.send(credential).status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert statuses.count(200) == 1, statuses
    assert all(400 <= status < 500 for status in statuses if status != 200), statuses


def test_a_copied_authenticator_is_found_out(therapist: User) -> None:
    passkey, _ = enrolled("therapist@demo.test")
    copy_counter = passkey.counter
    for _ in range(3):
        attempt = Attempt()
        assert attempt.send(passkey.get(attempt.options)).status == 200
    for stale in range(copy_counter, passkey.counter + 1):
        attempt = Attempt()
        refused(attempt.send(passkey.get(attempt.options, counter=stale)))
    # One that used to count does not stop counting.
    attempt = Attempt()
    refused(attempt.send(passkey.get(attempt.options, counter=0)))
    attempt = Attempt()
    assert attempt.send(passkey.get(attempt.options, counter=100)).status == 200
    row = Authenticator.objects.get(type="webauthn")
    assert row.data["sign_count"] == 100
    assert row.data["name"] == "phone"


def _as_second_factor(victim: str, credential: Callable[[Any], Any]) -> Answer:
    started = log_in(victim)
    half = Api(session=started.meta["session_token"])
    options = half.auth("GET", "auth/webauthn/authenticate").body["data"]["request_options"]
    return half.auth("POST", "auth/webauthn/authenticate", {"credential": credential(options)})


def test_anothers_passkey_opens_nothing(therapist: User, patient: User) -> None:
    mine, _ = enrolled("therapist@demo.test")
    theirs, api = enrolled("patient@demo.test")
    attempt = Attempt()
    refused(attempt.send(mine.get(attempt.options, user_handle=theirs.user_handle)))
    refused(_as_second_factor("patient@demo.test", mine.get))
    options = api.auth("GET", "auth/webauthn/reauthenticate").body["data"]["request_options"]
    body = {"credential": mine.get(options)}
    refused(api.auth("POST", "auth/webauthn/reauthenticate", body))
    # Nor under the id of theirs.
    mine.id = theirs.id
    refused(_as_second_factor("patient@demo.test", mine.get))


def test_a_challenge_is_its_sessions(therapist: User) -> None:
    passkey, _ = enrolled("therapist@demo.test")
    first, second = Attempt(), Attempt()
    refused(second.send(passkey.get(first.options)))
    fresh = passkey.get(first.options)
    assert Api().auth("POST", "auth/webauthn/login", {"credential": fresh}).status == 400


def test_a_removed_passkey_opens_nothing(therapist: User) -> None:
    passkey, api = enrolled("therapist@demo.test")
    row = Authenticator.objects.get(type="webauthn")
    assert api.auth("DELETE", MANAGE, {"authenticators": [row.pk]}).status == 200
    attempt = Attempt()
    refused(attempt.send(passkey.get(attempt.options)))


def test_a_deactivated_user_does_not_get_in(therapist: User) -> None:
    passkey, _ = enrolled("therapist@demo.test")
    User.objects.update(is_active=False)
    attempt = Attempt()
    answer = attempt.send(passkey.get(attempt.options))
    assert answer.status in (401, 403), answer
    assert "access_token" not in answer.body.get("meta", {})


def test_the_domain_is_configured_and_not_the_requests_host(therapist: User, settings: Any) -> None:
    settings.PASSKEY_DOMAIN = "clinic.example"
    settings.PASSKEY_ORIGINS = ["https://app.clinic.example"]
    settings.ALLOWED_HOSTS = ["*"]
    at = {"origin": "https://app.clinic.example", "domain": "clinic.example"}
    api, passkey = logged_in("therapist@demo.test"), Passkey()
    options = creation_options(api)
    assert options["publicKey"]["rp"] == {"id": "clinic.example", "name": "TherapyConnect"}
    begun = api.call("GET", f"/_allauth/app/v1/{MANAGE}", headers={"Host": "evil.example"})
    assert begun.body["data"]["creation_options"]["publicKey"]["rp"]["id"] == "clinic.example"
    options = creation_options(api)
    for origin in (
        "https://clinic.example",
        "https://x.app.clinic.example",
        "https://evil.example",
    ):
        bent = passkey.create(options, origin=origin, domain="clinic.example")
        refused(api.auth("POST", MANAGE, {"credential": bent}))
    good = {"credential": passkey.create(options, **at)}
    assert api.auth("POST", MANAGE, good).status == 200
    attempt = Attempt()
    assert attempt.send(passkey.get(attempt.options, **at)).status == 200


def test_enrolling_asks_for_a_recent_log_in_and_satisfies_production(
    therapist: User, production: None
) -> None:
    api = logged_in("therapist@demo.test")
    assert api.me().status == 403
    _, api = enrolled("therapist@demo.test")
    assert api.me().status == 200


def test_counting_forgives_no_row_from_before(therapist: User) -> None:
    """Authenticators of an installation that did not count yet go on from their enrolment."""
    passkey, _ = enrolled("therapist@demo.test")
    row = Authenticator.objects.get(type="webauthn")
    assert "sign_count" not in row.data
    attempt = Attempt()
    refused(attempt.send(passkey.get(attempt.options, counter=1)))
    attempt = Attempt()
    assert attempt.send(passkey.get(attempt.options, counter=2)).status == 200


def test_over_the_network(server: LiveServer, pair: Pair) -> None:
    """On the real server, at the address that its demo is configured for."""
    passkey, origin = Passkey(), f"http://localhost:{server.port}"
    with httpx.Client(base_url=f"{server.base}/_allauth/app/v1/", timeout=20) as http:
        mine = {"Authorization": f"Bearer {pair.patient_token}"}
        http.post("auth/reauthenticate", json={"password": PASSWORD}, headers=mine)
        made = http.get(MANAGE, params={"passwordless": ""}, headers=mine).json()["data"]
        credential = passkey.create(made["creation_options"], origin=origin)
        body = {"name": "phone", "credential": credential}
        assert http.post(MANAGE, json=body, headers=mine).status_code == 200

        begun = http.get("auth/webauthn/login").json()
        options = begun["data"]["request_options"]
        session = {"X-Session-Token": begun["meta"]["session_token"]}
        elsewhere = passkey.get(options, origin=f"http://127.0.0.1:{server.port}")
        answer = http.post("auth/webauthn/login", json={"credential": elsewhere}, headers=session)
        assert answer.status_code == 400
        assertion = passkey.get(options, origin=origin)
        answer = http.post("auth/webauthn/login", json={"credential": assertion}, headers=session)
        assert answer.status_code == 200, answer.text
    with server.api(answer.json()["meta"]["access_token"]) as api:
        assert api.get("me/").json()["id"] == pair.patient_id
