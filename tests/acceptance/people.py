"""Who takes part: pairs with a chat and tokens, and how to log in as one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.harness.server import PASSWORD, Pair

LOGIN = "/_allauth/app/v1/auth/login"
DEMO = (
    ("therapist@demo.test", "patient@demo.test"),
    ("therapist@demo.test", "patient2@demo.test"),
    ("therapist2@demo.test", "patient3@demo.test"),
)


class Login(NamedTuple):
    email: str
    password: str


@dataclass(frozen=True)
class Account(Pair):
    """A pair whose log-ins are known."""

    therapist: Login
    patient: Login


class NoLogin(Exception):
    """An account can't be used; says which and why."""


def login_of(pair: Pair, side: str) -> Login:
    """A person's log-in; those that `loadusers` made have the demo password."""
    if isinstance(pair, Account):
        return pair.therapist if side == "therapist" else pair.patient
    user_id = pair.therapist_id if side == "therapist" else pair.patient_id
    return Login(f"{user_id}@demo.test", PASSWORD)


def from_pairs(file: Path) -> list[Pair]:
    """What `manage.py loadusers N` wrote."""
    lines = file.read_text().splitlines()
    return [Pair(**json.loads(line)) for line in lines if line.startswith("{")]


def from_accounts(base: str, file: Path) -> list[Pair]:
    """One JSON line for each chat: `{"therapist": {"email", "password"}, "patient": {…}}`."""
    found: list[tuple[Login, Login]] = []
    for line in filter(str.strip, file.read_text().splitlines()):
        named = json.loads(line)
        found.append((Login(**named["therapist"]), Login(**named["patient"])))
    return _logged_in(base, found)


def from_demo(base: str) -> list[Pair]:
    """The demo accounts, which an installation in demo mode has."""
    return _logged_in(base, [(Login(t, PASSWORD), Login(p, PASSWORD)) for t, p in DEMO])


def _logged_in(base: str, logins: list[tuple[Login, Login]]) -> list[Pair]:
    """Each account logs in once, however many chats it is in; the chat is got, or made."""
    tokens = {login: _token(base, login) for login in dict.fromkeys(sum(logins, ()))}
    ids = {login: _call(base, token, "GET", "me/")["id"] for login, token in tokens.items()}
    pairs: list[Pair] = []
    for therapist, patient in logins:
        body = {"therapist_id": ids[therapist], "patient_id": ids[patient]}
        chat = _call(base, tokens[therapist], "POST", "chats/create_or_get_chat/", body)
        pairs.append(
            Account(
                **body, chat_id=chat["id"],
                therapist_token=tokens[therapist], patient_token=tokens[patient],
                therapist=therapist, patient=patient,
            )
        )  # fmt: skip
    return pairs


def _token(base: str, login: Login) -> str:
    answer = httpx.post(f"{base}{LOGIN}", json=login._asdict(), timeout=30)
    if answer.status_code != 200:
        known = {400: "wrong password", 401: "wants a second factor", 429: "too many log-ins"}
        why = known.get(answer.status_code, answer.text)
        raise NoLogin(f"{login.email}: {answer.status_code} {why}".rstrip())
    token: str = answer.json()["meta"]["access_token"]
    return token


def _call(base: str, token: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.request(method, f"{base}/api/{path}", json=body, headers=headers, timeout=30)
    if answer.status_code not in (200, 201):
        raise NoLogin(f"{method} {path}: {answer.status_code} {answer.text}")
    found: dict[str, Any] = answer.json()
    return found
