"""Limits of log-in: per address and per account, 429, kept over a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.db import connection

from tests.accounts.api import PASSWORD, Answer, Api, enrol, log_in, logged_in, totp
from therapyconnect.accounts.limits import LimitCache
from therapyconnect.accounts.models import Limit, User
from therapyconnect.config.identity import LOGIN_LIMITS
from therapyconnect.core.clock import now


@pytest.fixture(autouse=True)
def _limits(_quick: None, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = LOGIN_LIMITS


def _try(email: str, password: str, address: str, **headers: str) -> Answer:
    api = Api()
    api.address = address
    body = {"email": email, "password": password}
    return api.call("POST", "/_allauth/app/v1/auth/login", body, headers=headers)


def test_an_account_is_guarded_whatever_the_address(therapist: User) -> None:
    for n in range(5):
        assert _try("therapist@demo.test", "wrong", f"192.0.2.{n}").status == 400
    stopped = _try("Therapist@Demo.Test ", PASSWORD, "192.0.2.99")
    assert stopped.status == 429
    assert int(stopped.headers["Retry-After"]) > 0


def test_the_name_of_the_server_makes_no_second_counter(therapist: User, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    for n in range(5):
        _try("therapist@demo.test", "wrong", f"192.0.2.{n}", Host="localhost")
    stopped = _try("therapist@demo.test", PASSWORD, "192.0.2.99", Host="127.0.0.1")
    assert stopped.status == 429


def test_an_address_is_guarded_whatever_the_account(therapist: User) -> None:
    for n in range(10):
        assert _try(f"nobody{n}@demo.test", "wrong", "192.0.2.1").status == 400
    assert _try("therapist@demo.test", PASSWORD, "192.0.2.1").status == 429
    assert _try("therapist@demo.test", PASSWORD, "192.0.2.2").status == 200


def test_a_forged_forwarding_header_buys_nothing(therapist: User) -> None:
    for n in range(10):
        _try(f"nobody{n}@demo.test", "wrong", "192.0.2.1", **{"X-Forwarded-For": f"198.51.100.{n}"})
    last = _try("x@demo.test", "wrong", "192.0.2.1", **{"X-Forwarded-For": "198.51.100.99"})
    assert last.status == 429


def test_unknown_accounts_are_limited_like_known_ones(therapist: User) -> None:
    """Or the limit would tell who has an account."""
    for email in ("therapist@demo.test", "nobody@demo.test"):
        statuses = [_try(email, "wrong", f"192.0.2.{n}").status for n in range(7)]
        assert statuses == [400] * 5 + [429] * 2


def test_good_log_ins_use_nothing_up(therapist: User) -> None:
    for _ in range(12):
        assert log_in("therapist@demo.test").status == 200


def test_a_second_factor_cannot_be_guessed(therapist: User) -> None:
    enrol(logged_in("therapist@demo.test"))
    statuses = []
    for n in range(7):
        started = log_in("therapist@demo.test")
        api = Api(session=started.meta["session_token"])
        api.address = f"192.0.2.{n}"
        statuses.append(api.auth("POST", "auth/2fa/authenticate", {"code": "000000"}).status)
    assert statuses == [400] * 5 + [429] * 2


def test_a_password_cannot_be_guessed_by_asking_again(therapist: User) -> None:
    api = logged_in("therapist@demo.test")
    statuses = [
        api.auth("POST", "auth/reauthenticate", {"password": f"wrong{n}"}).status for n in range(7)
    ]
    assert statuses == [400] * 5 + [429] * 2


def test_the_limit_passes(therapist: User) -> None:
    for n in range(6):
        _try("therapist@demo.test", "wrong", f"192.0.2.{n}")
    assert _try("therapist@demo.test", PASSWORD, "192.0.2.9").status == 429
    Limit.objects.update(expires_at=now() - timedelta(seconds=1))
    assert _try("therapist@demo.test", PASSWORD, "192.0.2.9").status == 200


def test_concurrent_guesses_are_counted_one_by_one(transactional_db: None, therapist: User) -> None:
    def guess(n: int) -> int:
        try:
            return _try("therapist@demo.test", f"wrong{n}", f"192.0.2.{n}").status
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(guess, range(18)))
    assert statuses.count(400) <= 5
    assert set(statuses) <= {400, 429}


def test_throttles_off_means_off(therapist: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    assert {log_in("therapist@demo.test", "wrong").status for _ in range(15)} == {400}


def test_counters_outlive_the_process_and_name_nobody(therapist: User) -> None:
    for _ in range(5):
        log_in("therapist@demo.test", "wrong")
    assert isinstance(cache._connections["default"], LimitCache)  # type: ignore[attr-defined]
    rows = list(Limit.objects.values_list("key", "value"))
    assert rows
    assert not any("demo" in str(row) or "127.0.0.1" in str(row) for row in rows)


class TestCounterStore:
    """The promises of Django's cache that allauth leans on."""

    @pytest.fixture
    def store(self, transactional_db: None) -> BaseCache:
        return LimitCache("", {})

    def test_add_is_for_the_first_only(self, store: BaseCache) -> None:
        assert store.add("k", 1, 10) is True
        assert store.add("k", 2, 10) is False
        assert store.get("k") == 1
        assert store.delete("k") is True
        assert store.delete("k") is False
        assert store.get("k", "none") == "none"

    def test_what_has_expired_is_gone(self, store: BaseCache) -> None:
        store.set("k", [1.5, 2], 0)
        assert store.get("k") is None
        assert store.add("k", 2, 10) is True
        assert store.touch("k", 100) is True
        assert store.touch("other", 100) is False
        store.set("k", {"a": [1.5]}, None)
        assert store.get("k") == {"a": [1.5]}
        store.clear()
        assert store.get("k") is None

    def test_of_two_that_add_at_once_one_wins(self, store: BaseCache) -> None:
        def add(n: int) -> bool:
            try:
                return store.add("race", n, 10)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(add, range(32))) == 1


def test_totp_is_our_own_reading_of_the_standard() -> None:
    """RFC 6238, appendix B, SHA-1, cut to six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert totp(secret, 59) == "287082"
    assert totp(secret, 1111111109) == "081804"
