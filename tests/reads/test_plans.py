"""Each hot read goes by an index and reads no more rows than its page needs.

`EXPLAIN ANALYZE` by the real planner, on a clinic large enough that it would rather not read whole
tables: the same reads as `bench/reads` measures at 5,000,000 messages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from bench.reads import clinic
from bench.reads.catalogue import Read, reads
from bench.reads.clinic import BUSY, DEEP, SEARCHED, Chat
from bench.reads.seed import fill
from therapyconnect.core.queries import run
from therapyconnect.messaging.selectors.ciphers import cipher_store

# Also so that pytest-django makes the test database, when none but these tests are run.
pytestmark = pytest.mark.django_db

OWN, SEARCHED_CHATS, REST = 400, 20, 2600
PAGE = 51  # and one more than the page, which tells whether there are others
WAITING = OWN // 10 + clinic.ALERTS
CHATS = [
    Chat(DEEP, "p_deep", 0, 20_000),
    *(Chat(SEARCHED, f"p_searched{n:05}", n, 100) for n in range(SEARCHED_CHATS)),
    *(Chat(BUSY, f"p_busy{n:05}", n, 20) for n in range(OWN)),
    *(Chat(f"t_rest{n // 50:05}", f"p_rest{n:05}", n % 50, 6) for n in range(REST)),
]
WATCHED = {
    "messaging_message", "messaging_chat", "messaging_receipt", "messaging_chatevent",
    "messaging_chatroom", "accounts_carerelationship", "vault_datakey",
}  # fmt: skip
NEVER_WHOLE = {
    "messaging_message", "messaging_chat", "messaging_receipt", "messaging_chatevent",
}  # fmt: skip
# Of each read the most rows of the watched tables. A message is read with its chat and the first
# move of each horizon that covers it; a chat with its last message.
_MESSAGE, _CHAT = 4, 2
BOUNDS: dict[str, int] = {
    "history": PAGE * _MESSAGE + 10,
    "history-deep": PAGE * _MESSAGE + 10,
    "resume": PAGE * _MESSAGE + 10,
    "resume-deep": PAGE * _MESSAGE + 10,
    "recent": PAGE * _CHAT,
    "recent-deep": PAGE * _CHAT,
    # What no index tells of a chat is looked for among one's own.
    "recent-unread": OWN + PAGE,
    "recent-archived": OWN,
    # Own chats for who waits; a page of the others, or so few that the planner sorts them all.
    "priority": OWN * 2 + WAITING * 2 + (PAGE + WAITING) * _CHAT,
    "priority-deep": OWN * 2 + WAITING * 2 + (PAGE + WAITING) * _CHAT,
    # Of each chat that waits the nearest message, of a page's chats all that it can hold.
    "unread": OWN + WAITING * (1 + clinic.UNREAD) + PAGE * (_MESSAGE + 3),
    "unread-one": 10 + 2 * clinic.UNREAD + clinic.UNREAD * (_MESSAGE + 3),
    "detail": 5,
    "positions": OWN + len(CHATS),
}
NAMES = [*BOUNDS, "search", "search-rare"]


@pytest.fixture(scope="module")
def asked(django_db_setup: None, django_db_blocker: Any) -> Iterator[dict[str, Read]]:
    """The reads, by name, over a clinic that is there for this file's tests alone."""
    with django_db_blocker.unblock():
        fill(CHATS)
        connection.close()  # its settings were the fill's
        try:
            yield {read.name: read for read in reads(CHATS)}
        finally:
            call_command("flush", verbosity=0, interactive=False)
            connection.close()
            cipher_store.cache_clear()


def plans_of(read: Read) -> Iterator[dict[str, Any]]:
    """How the database went about each query of the read, while the read was done."""
    run(read.reading())  # its data keys are known from then on
    reading = read.reading()
    query = next(reading)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query.sql}", query.params)
            (told,) = cursor.fetchone()
            yield (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
            cursor.execute(query.sql, query.params)
            rows = cursor.fetchall()
        try:
            query = reading.send(rows)
        except StopIteration:
            return


def scans_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if plan.get("Relation Name") in WATCHED:
        yield plan
    for below in plan.get("Plans", ()):
        yield from scans_of(below)


def rows_read(scan: dict[str, Any]) -> int:
    """Rows that were fetched, also those that a filter then threw away."""
    thrown = sum(scan.get(f"Rows Removed by {by}", 0) for by in ("Filter", "Index Recheck"))
    return round((scan["Actual Rows"] + thrown) * scan["Actual Loops"])


def test_every_measured_read_has_its_bound(asked: dict[str, Read]) -> None:
    assert sorted(asked) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_by_an_index_and_within_bounds(
    asked: dict[str, Read], name: str, record_property: Callable[[str, object], None]
) -> None:
    found: Counter[str] = Counter()
    whole = []
    for plan in plans_of(asked[name]):
        for scan in scans_of(plan):
            found[scan["Relation Name"]] += rows_read(scan)
            if scan["Node Type"] == "Seq Scan" and scan["Relation Name"] in NEVER_WHOLE:
                whole.append(scan["Relation Name"])
    record_property("measured", f"{sum(found.values())} rows: {dict(found)}")
    assert not whole
    assert found
    if name in BOUNDS:
        assert sum(found.values()) <= BOUNDS[name], found
    else:
        # A search ends with its page or its time; it reads in blocks, of one's own chats alone.
        assert found["messaging_chat"] <= SEARCHED_CHATS + PAGE
        assert found["messaging_message"] <= SEARCHED_CHATS * 101 + PAGE


def test_a_page_far_back_reads_no_more_than_the_first(asked: dict[str, Read]) -> None:
    def read_by(name: str) -> int:
        return sum(rows_read(scan) for plan in plans_of(asked[name]) for scan in scans_of(plan))

    for name in ("history", "resume", "recent", "priority"):
        assert read_by(f"{name}-deep") <= read_by(name) + PAGE
