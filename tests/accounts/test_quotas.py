"""Throttles: never more granted than there was, by however many processes at once."""

from __future__ import annotations

import hashlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.accounts import quotas
from therapyconnect.accounts.models import Quota
from therapyconnect.accounts.quotas import Rate, address_key, refill, seconds_until, take
from therapyconnect.core.clock import now
from therapyconnect.core.errors import Throttled
from therapyconnect.core.queries import run

SLOW = Rate(burst=5, per_second=0.01)

rates = st.builds(
    Rate, burst=st.floats(1, 1000), per_second=st.floats(0.5, 1000)
)  # fills within an hour
moments = st.floats(0, 1e9)


@pytest.fixture
def throttles(settings: Any) -> None:
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "THROTTLES": True}


def granted(key: str, rate: Rate, times: int, *, durable: bool = True) -> int:
    def one(_: int) -> bool:
        try:
            run(take(key, rate, durable=durable))
        except Throttled:
            return False
        return True

    return sum(map(one, range(times)))


# --- the bucket, computed -------------------------------------------------------------------------


@given(rate=rates, tokens=st.floats(0, 1000), at=moments, later=st.floats(0, 1e6))
def test_a_bucket_never_holds_more_than_its_burst_nor_loses(
    rate: Rate, tokens: float, at: float, later: float
) -> None:
    held = min(tokens, rate.burst)
    assert held <= refill(held, at, at + later, rate) <= rate.burst
    # A clock that went back; by more than a minute it was set, and nothing is known.
    back = refill(held, at, at - later, rate)
    assert back == (rate.burst if at - later - at < -60 else held)


@given(rate=rates, steps=st.lists(st.floats(0, 100), max_size=60))
def test_no_window_grants_more_than_burst_and_gain(rate: Rate, steps: list[float]) -> None:
    tokens, at, time, taken = rate.burst, 0.0, 0.0, 0
    for step in steps:
        time += step
        tokens, at = refill(tokens, at, time, rate), time
        while tokens >= 1:
            tokens -= 1
            taken += 1
    assert taken <= rate.burst + rate.per_second * time + 1e-6 * (1 + taken)


@given(rate=rates, tokens=st.floats(0, 0.999), cost=st.floats(1, 1))
def test_after_the_wait_that_it_names_a_bucket_pays(rate: Rate, tokens: float, cost: float) -> None:
    wait = seconds_until(tokens, rate, cost)
    assert wait >= 1
    assert refill(tokens, 0.0, float(wait), rate) >= cost - 1e-9


def test_datetimes_are_read_as_seconds() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert refill(1, at, at + timedelta(seconds=2), Rate(10, 0.5)) == 2.0


@pytest.mark.parametrize(
    ("burst", "per_second"),
    [(0.5, 1), (1, 0), (1, -1), (float("inf"), 1), (1, float("nan")), (5000, 1)],
)
def test_a_rate_that_makes_no_sense(burst: float, per_second: float) -> None:
    with pytest.raises(ValueError):
        Rate(burst, per_second)


def test_the_rates_of_the_installation() -> None:
    assert set(django_settings.THERAPYCONNECT["RATES"]) == {
        "message", "emergency", "search", "upload", "socket", "socket_refused", "notify",
    }  # fmt: skip
    assert quotas.rate_of("emergency") == Rate(burst=30, per_second=0.5)


# --- the statement --------------------------------------------------------------------------------


def test_a_burst_and_then_no_more(db: None, throttles: None) -> None:
    assert granted("k", SLOW, 8) == 5
    assert granted("other", SLOW, 1) == 1
    with pytest.raises(Throttled) as refused:
        run(take("k", SLOW))
    assert (refused.value.status, refused.value.code) == (429, "throttled")
    assert 95 <= (refused.value.retry_after or 0) <= 100


def test_time_gives_back(db: None, throttles: None) -> None:
    assert granted("k", SLOW, 5) == 5
    Quota.objects.update(at=now() - timedelta(seconds=201))
    assert granted("k", SLOW, 5) == 2
    Quota.objects.update(at=now() - timedelta(days=1))
    assert granted("k", SLOW, 9) == 5


def test_a_clock_that_goes_back_takes_nothing_away(db: None, throttles: None) -> None:
    assert granted("k", SLOW, 2) == 2
    future = now() + timedelta(hours=1)
    Quota.objects.update(at=future)
    assert granted("k", SLOW, 9) == 3
    assert Quota.objects.get().at == future


def test_many_at_once_and_more_than_there_is(db: None, throttles: None) -> None:
    run(take("k", SLOW, cost=4))
    with pytest.raises(Throttled):
        run(take("k", SLOW, cost=2))
    run(take("k", SLOW, cost=1))
    with pytest.raises(ValueError):
        run(take("k", SLOW, cost=6))


def _waits_for_the_disk() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        row: tuple[str] = cursor.fetchone()
    return row[0] == "on"


def test_what_need_not_be_durable_counts_alike_and_lasts_for_its_statement(
    transactional_db: None, throttles: None
) -> None:
    for left in range(5, 0, -1):
        run(take("k", SLOW, durable=left % 2 == 0))
        assert _waits_for_the_disk()
    with pytest.raises(Throttled):
        run(take("k", SLOW, durable=False))
    assert _waits_for_the_disk()
    Quota.objects.update(at=now() - timedelta(seconds=201))
    for _ in range(2):
        run(take("k", SLOW, durable=False))
    assert granted("k", SLOW, 1) == 0
    with transaction.atomic():
        run(take("other", SLOW))
        assert _waits_for_the_disk()  # what is in one transaction with a send must not change it


@pytest.mark.parametrize("durable", [True, False])
def test_of_many_connections_at_once_the_burst_is_granted(
    transactional_db: None, throttles: None, durable: bool
) -> None:
    """Eight connections, each its own transaction, all let go at the same moment."""
    rate = Rate(burst=20, per_second=0.01)
    start = threading.Barrier(8)

    def several(_: int) -> int:
        try:
            start.wait()
            return granted("race", rate, 12, durable=durable)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(several, range(8))) == 20
    assert 0 <= Quota.objects.get(key="race").tokens < 1


def test_off_means_off(db: None, settings: Any) -> None:
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "THROTTLES": False}
    assert granted("k", SLOW, 50) == 50
    assert not Quota.objects.exists()


def test_the_settings_rates_by_name(db: None, throttles: None, settings: Any) -> None:
    rates = {**settings.THERAPYCONNECT["RATES"], "search": SLOW}
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "RATES": rates}
    for _ in range(int(SLOW.burst)):
        run(quotas.take_named("search", "p_xyz789"))
    with pytest.raises(Throttled):
        run(quotas.take_named("search", "p_xyz789"))
    run(quotas.take_named("search", "p_other00"))
    assert set(Quota.objects.values_list("key", flat=True)) == {
        "search:p_xyz789", "search:p_other00",
    }  # fmt: skip


def test_an_address_can_not_be_read_back() -> None:
    key = address_key("socket_refused", "192.0.2.7")
    assert key.startswith("socket_refused:")
    assert re.fullmatch(r"socket_refused:[0-9a-f]{40}", key)
    assert hashlib.sha256(b"192.0.2.7").hexdigest()[:40] not in key
    assert key == address_key("socket_refused", "::ffff:192.0.2.7")
    assert key != address_key("socket_refused", "192.0.2.8")
    home = address_key("socket_refused", "2001:db8:1:2::1")
    assert home == address_key("socket_refused", "2001:db8:1:2:ffff::9")
    assert home != address_key("socket_refused", "2001:db8:1:3::1")
    assert address_key("socket_refused", "") == address_key("socket_refused", "")
    assert address_key("socket_refused", "fe80::1%eth0") == address_key("socket_refused", "fe80::2")


def test_old_buckets_are_deleted_a_few_at_a_time(db: None, throttles: None) -> None:
    old = now() - timedelta(seconds=quotas.KEEP_SECONDS + 60)
    Quota.objects.bulk_create(Quota(key=f"old:{n}", tokens=0, at=old) for n in range(7))
    run(take("young", SLOW))
    assert run(quotas.purge(limit=5)) == 5
    assert run(quotas.purge(limit=5)) == 2
    assert list(Quota.objects.values_list("key", flat=True)) == ["young"]


def test_taking_purges_now_and_then(
    db: None, throttles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Quota.objects.create(key="old", tokens=0, at=now() - timedelta(days=1))
    monkeypatch.setattr(quotas, "_PURGE_CHANCE", 1.1)
    run(take("young", SLOW))
    assert list(Quota.objects.values_list("key", flat=True)) == ["young"]
