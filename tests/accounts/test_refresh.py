"""Refresh tokens: rotated, a moment's grace, and reuse ends the session."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from psycopg.conninfo import make_conninfo

from tests.accounts.api import Answer, Api, log_in, refresh
from therapyconnect.accounts.models import Session, User
from therapyconnect.accounts.services import sessions
from therapyconnect.accounts.tokens import verify_access, verify_refresh
from therapyconnect.core.clock import now


def _age_rotation(seconds: float) -> None:
    Session.objects.update(refresh_rotated_at=now() - timedelta(seconds=seconds))


def _good(answer: Answer) -> str:
    """Asserts that a refresh gave a pair that works; its refresh token."""
    assert answer.status == 200, answer
    assert Api(token=answer.body["data"]["access_token"]).me().status == 200
    return str(answer.body["data"]["refresh_token"])


def test_a_refresh_gives_a_new_pair_of_the_same_session(therapist: User) -> None:
    first = log_in("therapist@demo.test").meta
    second = refresh(first["refresh_token"])
    assert _good(second) != first["refresh_token"]
    old, new = (
        verify_access(token)
        for token in (first["access_token"], second.body["data"]["access_token"])
    )
    assert old.session_id == new.session_id
    assert new.expires_at - now().timestamp() <= 15 * 60
    assert Api(token=first["access_token"]).me().status == 200


def test_rotation_goes_on_and_on(therapist: User) -> None:
    token = log_in("therapist@demo.test").meta["refresh_token"]
    seen = {token}
    for _ in range(5):
        token = _good(refresh(token))
        assert token not in seen
        seen.add(token)


def test_a_retry_within_the_grace_gets_a_pair_that_goes_on(
    therapist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = log_in("therapist@demo.test").meta["refresh_token"]
    lost = _good(refresh(first))
    at = now()
    monkeypatch.setattr(sessions, "now", lambda: at)  # a second can be long on a busy machine
    _age_rotation(29)
    retried = _good(refresh(first))
    assert verify_refresh(retried).token_id == verify_refresh(lost).token_id
    _good(refresh(retried))


def test_reuse_after_the_grace_ends_the_session_for_both(therapist: User) -> None:
    first = log_in("therapist@demo.test").meta
    second = refresh(first["refresh_token"])
    third = _good(second)
    _age_rotation(31)
    assert refresh(first["refresh_token"]).status == 400
    assert refresh(third).status == 400
    assert Api(token=second.body["data"]["access_token"]).me().status == 401
    assert Api(session=first["session_token"]).auth("GET", "auth/session").status == 410
    assert Session.objects.count() == 0


def test_a_token_two_rotations_old_is_reuse_even_at_once(therapist: User) -> None:
    first = log_in("therapist@demo.test").meta["refresh_token"]
    newest = _good(refresh(_good(refresh(first))))
    assert refresh(first).status == 400
    assert refresh(newest).status == 400


def test_reuse_leaves_other_sessions_alone(therapist: User) -> None:
    first = log_in("therapist@demo.test").meta["refresh_token"]
    other = log_in("therapist@demo.test").meta
    refresh(refresh(first).body["data"]["refresh_token"])
    assert refresh(first).status == 400
    assert Api(token=other["access_token"]).me().status == 200
    _good(refresh(other["refresh_token"]))


def test_concurrent_refreshes_all_get_a_pair_of_one_chain(
    transactional_db: None, therapist: User
) -> None:
    first = log_in("therapist@demo.test").meta["refresh_token"]

    def once(_: int) -> Answer:
        try:
            return refresh(first)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(once, range(16)))
    assert [answer.status for answer in answers] == [200] * 16
    tokens = {verify_refresh(answer.body["data"]["refresh_token"]).token_id for answer in answers}
    assert len(tokens) == 1, "one rotation, whose successor everyone was given"
    _good(refresh(answers[-1].body["data"]["refresh_token"]))


def test_refreshes_wait_for_one_another(transactional_db: None, therapist: User) -> None:
    """Two that both read the row before either wrote it would rotate twice, and fork the chain."""
    first = log_in("therapist@demo.test").meta["refresh_token"]

    def once(_: int) -> Answer:
        try:
            return refresh(first)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        with psycopg.connect(_conninfo()) as holder:
            holder.execute("SELECT 1 FROM accounts_session FOR NO KEY UPDATE")
            started = [pool.submit(once, n) for n in range(2)]
            _until_waiting(2)
        answers = [future.result() for future in started]
    assert [answer.status for answer in answers] == [200, 200]
    tokens = {verify_refresh(answer.body["data"]["refresh_token"]).token_id for answer in answers}
    assert len(tokens) == 1


def _conninfo() -> str:
    known = connection.settings_dict
    names = ("user", "password", "host", "port")
    given = {name: known[name.upper()] for name in names if known[name.upper()]}
    return make_conninfo(dbname=known["NAME"], **given)


def _until_waiting(number: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone() == (number,):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for the row")


def test_an_access_token_refreshes_nothing_and_the_other_way_round(therapist: User) -> None:
    meta = log_in("therapist@demo.test").meta
    assert refresh(meta["access_token"]).status == 400
    assert refresh(meta["session_token"]).status == 400
    assert Api(token=meta["refresh_token"]).me().status == 401
    _good(refresh(meta["refresh_token"]))


def test_a_refresh_prolongs_the_session_and_expiry_ends_it(therapist: User) -> None:
    meta = log_in("therapist@demo.test").meta
    Session.objects.update(expire_date=now() + timedelta(minutes=1))
    renewed = _good(refresh(meta["refresh_token"]))
    assert Session.objects.get().expire_date > now() + timedelta(days=13)
    Session.objects.update(expire_date=now() - timedelta(seconds=1))
    assert refresh(renewed).status == 400
    assert Api(token=meta["access_token"]).me().status == 401


def test_expired_sessions_are_cleared_away_by_log_ins(therapist: User) -> None:
    log_in("therapist@demo.test")
    Session.objects.update(expire_date=now() - timedelta(seconds=1))
    log_in("therapist@demo.test")
    assert Session.objects.count() == 1
