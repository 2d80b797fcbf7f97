"""Who has the database can't log in: everything is read as its superuser, then tried everywhere."""

from __future__ import annotations

import base64
import json

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection

from tests.accounts.api import AUTH, PASSWORD, Api, enrol, log_in, logged_in, refresh
from therapyconnect.accounts import session_store
from therapyconnect.accounts.adapters import MFAAdapter
from therapyconnect.accounts.models import Session, User
from therapyconnect.accounts.tokens import verify_access


def dump(*, but: tuple[str, ...] = ()) -> list[bytes]:
    """Every value of every table, as bytes, save tables whose name begins with one of `but`."""
    values: list[bytes] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(but):
                continue
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    raw = value if isinstance(value, (bytes, memoryview)) else str(value).encode()
                    values.append(bytes(raw))
    return values


def readable(secret: str) -> bool:
    """Whether `secret` can be read out of the database, plain or thinly wrapped."""
    raw = secret.encode()
    spellings = [
        raw,
        raw.hex().encode(),
        base64.b64encode(raw)[:-3],
        base64.urlsafe_b64encode(raw)[:-3],
    ]
    return any(spelling in value for value in dump() for spelling in spellings)


def test_no_secret_can_be_read(therapist: User) -> None:
    meta = log_in("therapist@demo.test").meta
    api = Api(token=meta["access_token"])
    unenrolled = api.auth("GET", "account/authenticators/totp").meta["secret"]
    assert not readable(unenrolled), "the secret on its way lies in the session"
    secret, codes = enrol(api)
    pending = log_in("therapist@demo.test").meta
    renewed = refresh(meta["refresh_token"]).body["data"]
    secrets = [
        meta["session_token"],
        meta["session_token"].removeprefix("tcs_"),
        meta["access_token"],
        meta["refresh_token"],
        renewed["refresh_token"],
        pending["session_token"],
        secret,
        PASSWORD,
        *codes,
    ]
    for value in secrets:
        assert not readable(value), value
    assert readable("therapist@demo.test"), "the search does find what is there"
    for code in codes:
        assert not readable(code)


def test_nothing_of_a_session_can_be_read(therapist: User) -> None:
    log_in("therapist@demo.test")
    (row,) = Session.objects.all()
    assert SESSION_KEY.encode() not in bytes(row.data)
    assert b"password" not in bytes(row.data)


def test_a_twin_that_does_not_seal_is_caught(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MFAAdapter, "encrypt", lambda self, text: text)
    monkeypatch.setattr(MFAAdapter, "decrypt", lambda self, text: text)
    secret, _ = enrol(logged_in("therapist@demo.test"))
    assert readable(secret)


def test_a_twin_with_open_sessions_is_caught(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_store, "_seal", lambda key, data: json.dumps(data).encode())
    monkeypatch.setattr(session_store, "_open", lambda key, sealed: json.loads(sealed))
    api = logged_in("therapist@demo.test")
    assert readable(api.auth("GET", "account/authenticators/totp").meta["secret"])


def test_a_twin_that_stores_the_key_is_caught(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_store, "digest_of", lambda secret: secret[4:44])
    monkeypatch.setattr(session_store.SessionStore, "_validate_session_key", lambda self, key: True)
    meta = log_in("therapist@demo.test").meta
    assert readable(meta["session_token"][4:44])


def test_no_value_of_the_database_opens_anything(therapist: User) -> None:
    meta = log_in("therapist@demo.test").meta
    api = Api(token=meta["access_token"])
    enrol(api)
    log_in("therapist@demo.test")
    tried = 0
    for value in set(dump(but=("django_", "auth_"))):
        spellings = {
            value.decode("latin-1"),
            value.hex(),
            base64.b64encode(value).decode(),
            base64.urlsafe_b64encode(value).rstrip(b"=").decode(),
        }
        spellings |= {"tcs_" + spelling for spelling in spellings}
        for spelling in spellings:
            if not spelling or len(spelling) > 4000 or "\n" in spelling or "\r" in spelling:
                continue
            tried += 1
            _opens_nothing(spelling)
    assert tried > 200
    assert api.me().status == 200, "and the true token still does"


def _opens_nothing(value: str) -> None:
    for headers in (
        {"X-Session-Token": value},
        {"Authorization": f"Bearer {value}"},
        {"Cookie": f"sessionid={value}"},
    ):
        assert Api().call("GET", "/api/me/", headers=headers).status == 401
        session = Api().call("GET", AUTH + "auth/session", headers=headers)
        assert session.status in (401, 410), (headers, session)
    if len(value) < 100:
        assert refresh(value).status == 400


def test_the_session_id_of_a_token_is_no_key(therapist: User) -> None:
    meta = log_in("therapist@demo.test").meta
    session_id = verify_access(meta["access_token"]).session_id
    assert Session.objects.filter(key=session_id).exists()
    _opens_nothing(session_id)
    _opens_nothing(f"tcs_{session_id}")
    assert Api(session=meta["access_token"]).auth("GET", "auth/session").status == 410
    assert Api(token=meta["session_token"]).me().status == 401


def test_a_sealed_session_put_under_another_key_does_not_open(
    therapist: User, patient: User
) -> None:
    """Who can write the database too can't make his own session another's by copying the seal."""
    mine, theirs = log_in("patient@demo.test").meta, log_in("therapist@demo.test").meta
    target = Session.objects.get(key=verify_access(theirs["access_token"]).session_id)
    Session.objects.filter(key=verify_access(mine["access_token"]).session_id).update(
        data=bytes(target.data)
    )
    assert Api(session=mine["session_token"]).auth("GET", "auth/session").status == 410
    Session.objects.update(data=b"\x02\x00\x01" + b"x" * 60)
    assert Api(session=theirs["session_token"]).auth("GET", "auth/session").status == 410


def test_session_tables_of_others_stay_empty(therapist: User) -> None:
    enrol(logged_in("therapist@demo.test"))
    with connection.cursor() as cursor:
        if "django_session" in connection.introspection.table_names(cursor):
            cursor.execute("SELECT count(*) FROM django_session")
            assert cursor.fetchone() == (0,)
