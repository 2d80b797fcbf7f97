"""How much each may still send: their token buckets, judged in the batch that writes the messages.

The buckets are rows of the database (`accounts.quotas`), so all processes count together. They are
locked, after the chats and in the order of their keys, for the one commit that also writes what
was let through. What is throttled takes nothing; what a rule refuses was asked, and counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from therapyconnect.accounts.quotas import Rate, rate_of, refill, seconds_until, user_key
from therapyconnect.core.errors import Throttled
from therapyconnect.core.ids import role_of
from therapyconnect.core.queries import Row
from therapyconnect.messaging.services.requests import Advance, Flag, Request, Send

LOCK_SQL: Final = """
    SELECT key, tokens, at FROM accounts_quota WHERE key = ANY($1) ORDER BY key FOR UPDATE
"""
KEEP_SQL: Final = """
    INSERT INTO accounts_quota (key, tokens, at)
    SELECT key, millitokens / 1000.0, $3::timestamptz
    FROM unnest($1::text[], $2::bigint[]) AS v (key, millitokens)
    ON CONFLICT (key) DO UPDATE SET tokens = EXCLUDED.tokens, at = EXCLUDED.at
"""


def bucket_of(request: Request) -> tuple[str, str] | None:
    """The bucket that a request draws on, as its name and key; receipts are free.

    A patient's emergency has one of its own: what they sent before does not hold it up.
    """
    if isinstance(request, Advance):
        return None
    urgent = isinstance(request, Flag) or (isinstance(request, Send) and request.emergency)
    name = "emergency" if urgent and role_of(request.user_id) == "patient" else "message"
    return name, user_key(name, request.user_id)


@dataclass(slots=True)
class Allowances:
    """The buckets of a batch. `tokens` are as of `now`; `used` are those to write."""

    now: datetime
    tokens: dict[str, float] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Row], *, now: datetime) -> Allowances:
        """From rows of `LOCK_SQL`; who has no row has a full bucket."""
        found = {
            key: refill(tokens, at, now, rate_of(key.partition(":")[0])) for key, tokens, at in rows
        }
        return cls(now, found)

    def take(self, request: Request) -> None:
        """Take one token of the request's bucket, or raise `Throttled`."""
        bucket = bucket_of(request)
        if bucket is None:
            return
        name, key = bucket
        rate: Rate = rate_of(name)
        left = self.tokens.get(key, rate.burst)
        if left < 1:
            raise Throttled(retry_after=seconds_until(left, rate))
        self.tokens[key] = left - 1
        self.used.add(key)
