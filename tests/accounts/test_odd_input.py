"""No body, method or header makes a 5xx on allauth's routes."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.accounts.api import AUTH, PASSWORD, Api, logged_in
from therapyconnect.accounts.auth_urls import _ROUTES
from therapyconnect.accounts.models import User

ODD: list[Any] = [
    None,
    {},
    {"sessions": ["\x00", 10**30, {}, [1]], "authenticators": [{}, "x", 10**30], "id": "x"},
    {"sessions": [10**30, "x", -1], "authenticators": [10**30, "x", -1], "id": 10**30, "name": "n"},
    {"sessions": 7, "authenticators": 7, "credential": 7, "code": 7, "refresh_token": 7},
    {"credential": [], "code": {"a": 1}, "refresh_token": ["x"], "password": {}},
    {"current_password": "x", "new_password": "x" * 100_000},
    {"code": "\x00", "password": "\x00", "refresh_token": "\x00"},
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _credentials() -> list[Any]:
    """From nonsense to nearly right."""
    client = json.dumps(
        {"type": "webauthn.get", "challenge": "AA", "origin": "http://localhost:8000"}
    )
    data = _b64(client.encode())
    handle = _b64(b"t_abc123")
    answers = [
        {},
        {"clientDataJSON": 7, "attestationObject": 7},
        {"clientDataJSON": data, "attestationObject": _b64(b"\xa0")},
        {"clientDataJSON": data, "attestationObject": _b64(b"\xff" * 40)},
        {"clientDataJSON": data, "attestationObject": _b64(b"\x9b" + b"\xff" * 8)},
        {"clientDataJSON": _b64(b"[]"), "attestationObject": _b64(b"\xa0")},
        {"clientDataJSON": _b64(b"\xff"), "authenticatorData": "", "signature": ""},
        {
            "clientDataJSON": data,
            "authenticatorData": _b64(b"\x00" * 37),
            "signature": _b64(b"s"),
            "userHandle": handle,
        },
        {
            "clientDataJSON": data,
            "authenticatorData": _b64(b"\x00" * 32 + b"\xff" * 40),
            "signature": _b64(b"s"),
            "userHandle": _b64(b"\xff\xfe"),
        },
    ]
    made: list[Any] = [7, [], "x", {"id": "x", "rawId": "\x00", "type": 7, "response": {}}]
    for answer in answers:
        made.append({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": answer})
        made.append({"id": "AAAA", "rawId": "BBBB", "type": "public-key", "response": answer})
        made.append({"id": "!", "rawId": "!", "type": "public-key", "response": answer})
    return made


@pytest.mark.parametrize("route", _ROUTES)
def test_every_route_survives_odd_input(therapist: User, route: str) -> None:
    asked_again = logged_in("therapist@demo.test")
    asked_again.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    for method in METHODS:
        for body in ODD:
            for api in (Api(), asked_again, Api(session="\xff\x00'--")):
                answer = api.call(method, AUTH + route, body)
                assert answer.status < 500, (method, body, answer)
                if api is asked_again and answer.status == 401:
                    asked_again = logged_in("therapist@demo.test")  # it was logged out


@pytest.mark.parametrize("number", range(len(_credentials())))
def test_hostile_passkeys_are_invalid_input(therapist: User, number: int) -> None:
    body = {"name": "key", "credential": _credentials()[number]}
    api = logged_in("therapist@demo.test")
    api.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    assert api.auth("GET", "account/authenticators/webauthn").status == 200
    assert api.auth("POST", "account/authenticators/webauthn", body).status == 400
    assert api.auth("GET", "auth/webauthn/reauthenticate").status == 200
    assert api.auth("POST", "auth/webauthn/reauthenticate", body).status == 400
    begun = Api(session=Api().auth("GET", "auth/webauthn/login").meta["session_token"])
    assert begun.auth("POST", "auth/webauthn/login", body).status == 400
