"""A client of the HTTP door: no cookies, no shortcuts past the middleware."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
import time
from dataclasses import dataclass
from typing import Any

from django.test import Client

AUTH = "/_allauth/app/v1/"
PASSWORD = "demo-therapyconnect"


@dataclass
class Answer:
    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = self.body["meta"]
        return meta


class Api:
    def __init__(self, token: str | None = None, session: str | None = None) -> None:
        self.token = token
        self.session = session
        self.address = "127.0.0.1"

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if self.session is not None:
            sent.setdefault("X-Session-Token", self.session)
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        client = Client(raise_request_exception=False, REMOTE_ADDR=self.address)
        response = client.generic(method, path, data, content_type="application/json", headers=sent)
        assert not response.cookies, "no route sets a cookie"
        found = json.loads(response.content) if response.content[:1] == b"{" else {}
        return Answer(response.status_code, found, dict(response.headers))

    def auth(self, method: str, route: str, body: Any = None) -> Answer:
        return self.call(method, AUTH + route, body)

    def me(self) -> Answer:
        return self.call("GET", "/api/me/")


def log_in(email: str, password: str = PASSWORD) -> Answer:
    return Api().auth("POST", "auth/login", {"email": email, "password": password})


def logged_in(email: str, password: str = PASSWORD) -> Api:
    """A client that has logged in and sends its access token, as an app does."""
    answer = log_in(email, password)
    assert answer.status == 200, answer
    return Api(token=answer.meta["access_token"])


def refresh(token: str) -> Answer:
    return Api().auth("POST", "tokens/refresh", {"refresh_token": token})


def code_of(secret: str, *, good_for: float = 8, later: float = 0) -> str:
    """What the authenticator app shows now (or so many whole steps later), once it is good a while.

    The step of the time it is used in counts, and no other.
    """
    while 30 - time.time() % 30 < good_for:
        time.sleep(0.1)
    return totp(secret, time.time() + later)


def totp(secret: str, at: float) -> str:
    """The six digits of RFC 6238, from our own reading of it."""
    counter = struct.pack(">Q", int(at) // 30)
    mac = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
    offset = mac[-1] & 15
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def enrol(api: Api, password: str = PASSWORD) -> tuple[str, list[str]]:
    """Enrol TOTP; its secret and the recovery codes."""
    assert api.auth("POST", "auth/reauthenticate", {"password": password}).status == 200
    secret = api.auth("GET", "account/authenticators/totp").meta["secret"]
    enrolled = api.auth("POST", "account/authenticators/totp", {"code": code_of(secret)})
    assert enrolled.status == 200, enrolled
    codes = api.auth("GET", "account/authenticators/recovery-codes")
    assert codes.status == 200, codes
    return secret, codes.body["data"]["unused_codes"]
