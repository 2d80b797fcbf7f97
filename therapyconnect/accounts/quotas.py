"""Throttles as token buckets in the database: shared by all processes, and kept over a restart.

A bucket holds at most `burst` tokens and gains `per_second`. Taking is one statement under the
row's lock, on the database's clock, so however many take at once, no more is granted than there
was. A bucket that has filled up is the same as none: old rows are deleted, a few at a time.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import math
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar, cast

from django.conf import settings

from therapyconnect.accounts.keys import key_ring
from therapyconnect.core.errors import Throttled
from therapyconnect.core.queries import Query, Reading

KEEP_SECONDS: Final = 3600
"""A bucket untouched for so long is full, whatever its rate."""

PURGE_AT_ONCE: Final = 500
_PURGE_CHANCE: Final = 0.01

# A statement that waited for the row's lock is older than the row: time never runs backwards.
_LEFT: Final = (
    "LEAST(%(burst)s::float8, q.tokens + %(per_second)s::float8"
    " * GREATEST(0, EXTRACT(EPOCH FROM statement_timestamp() - q.at)::float8))"
)
_FIRST: Final = "%(key)s, %(burst)s::float8 - %(cost)s::float8, statement_timestamp()"
_NEXT: Final = (
    f" ON CONFLICT (key) DO UPDATE SET tokens = {_LEFT} - %(cost)s::float8,"
    "  at = GREATEST(q.at, statement_timestamp())"
    f" WHERE {_LEFT} >= %(cost)s::float8"
    " RETURNING tokens"
)
_INTO: Final = "INSERT INTO accounts_quota AS q (key, tokens, at)"
_TAKE: Final = f"{_INTO} VALUES ({_FIRST}){_NEXT}"
_TAKE_LIGHTLY: Final = (
    "WITH lightly AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))"
    f" {_INTO} SELECT {_FIRST} FROM lightly{_NEXT}"
)
_LEFT_NOW: Final = f"SELECT {_LEFT} FROM accounts_quota q WHERE q.key = %(key)s"
_PURGE: Final = (
    "WITH gone AS (DELETE FROM accounts_quota WHERE key IN ("
    "  SELECT key FROM accounts_quota WHERE at < statement_timestamp() - make_interval(secs => %s)"
    "  LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING 1)"
    " SELECT count(*) FROM gone"
)

Moment = TypeVar("Moment", float, datetime)


@dataclass(frozen=True, slots=True)
class Rate:
    """A bucket of `burst` tokens, at least 1, that gains `per_second`; full again in an hour."""

    burst: float
    per_second: float

    def __post_init__(self) -> None:
        if not (1 <= self.burst < math.inf and 0 < self.per_second < math.inf):
            raise ValueError("a rate has a burst of at least 1 and gains something")
        if self.burst / self.per_second > KEEP_SECONDS:
            raise ValueError(f"a bucket must fill up within {KEEP_SECONDS} s")


def rate_of(name: str) -> Rate:
    """The rate that the settings give `name`; `KeyError` where they know none."""
    return cast(Rate, settings.THERAPYCONNECT["RATES"][name])


def user_key(name: str, user_id: str) -> str:
    """The bucket `name` of one user."""
    return f"{name}:{user_id}"


def address_key(name: str, address: str) -> str:
    """The bucket `name` of a network address, which can't be read back from it."""
    ring = key_ring()
    secret = ring.derive("quotas", ring.oldest)
    whose = subscriber_of(address).encode()
    return f"{name}:{hmac.digest(secret, whose, hashlib.sha256).hex()[:40]}"


def subscriber_of(address: str) -> str:
    """What stands for all the addresses that one subscriber may use.

    All of an IPv6 /64 is one: a single line has as many addresses as it likes.
    """
    try:
        known = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address  # a path of a local socket, or nothing at all: then that is the key
    if known.version == 6:
        known = known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False)[0]
    return known.compressed


CLOCK_WAS_SET_SECONDS: Final = 60


def refill(tokens: float, at: Moment, now: Moment, rate: Rate) -> float:
    """What a bucket that held `tokens` at `at` holds at `now` (both seconds, or both datetimes).

    Never more than the burst, and never less than `tokens` where a clock went back. Back by more
    than two nodes' clocks differ, it was set: how long ago `at` was is unknown, and nobody is kept
    from a call for help until that moment comes again. Then the bucket is full.
    """
    passed = now - at
    seconds = passed.total_seconds() if isinstance(passed, timedelta) else passed
    if seconds < -CLOCK_WAS_SET_SECONDS:
        return rate.burst
    return min(rate.burst, tokens + rate.per_second * max(0.0, seconds))


def seconds_until(tokens: float, rate: Rate, cost: float = 1.0) -> int:
    """Whole seconds, at least 1, until a bucket that holds `tokens` now can pay `cost`."""
    return max(1, math.ceil((cost - tokens) / rate.per_second))


def take(key: str, rate: Rate, cost: float = 1.0, *, durable: bool = True) -> Reading[None]:
    """Take `cost` tokens (at most the burst) from the bucket `key`, or raise `Throttled`.

    Nothing is taken where it raises. A transaction around it that is rolled back gives back what
    was taken. Does nothing where the installation's throttles are off.

    `durable=False` does not wait for the disk: after a crash of the database the last moments'
    tokens are back. Only where the statement is a transaction of its own: in a larger one, all of
    that one's changes would be no more durable.
    """
    if not settings.THERAPYCONNECT["THROTTLES"]:
        return
    if not 0 < cost <= rate.burst:
        raise ValueError("a cost is above 0 and at most the burst")
    params = {"key": key, "burst": rate.burst, "per_second": rate.per_second, "cost": cost}
    granted = yield Query(_TAKE if durable else _TAKE_LIGHTLY, params)
    if not granted:
        left = yield Query(_LEFT_NOW, params)
        raise Throttled(retry_after=seconds_until(left[0][0] if left else 0.0, rate, cost))
    if random.random() < _PURGE_CHANCE:  # noqa: S311 (housekeeping, not a secret)
        yield from purge()


def take_named(name: str, user_id: str, *, durable: bool = True) -> Reading[None]:
    """Take one token of the user's bucket `name`, at the rate of the settings, or `Throttled`."""
    yield from take(user_key(name, user_id), rate_of(name), durable=durable)


def purge(*, limit: int = PURGE_AT_ONCE) -> Reading[int]:
    """Delete at most `limit` buckets that are full for certain; how many were deleted.

    No index on `at`: each take would have to write it, and the table is as small as an hour's
    visitors are few.
    """
    rows = yield Query(_PURGE, (KEEP_SECONDS, limit))
    return int(rows[0][0])
