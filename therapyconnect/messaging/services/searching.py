"""Searching, kept small: few at once, and nothing held that others need.

A search opens sealed words for as long as it is let. Meanwhile it holds no database connection,
of which there are few, and after each block it rests, since who sends and who listens shares the
interpreter with it. Who searches a great deal gets shorter pages, and nobody else notices.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from django.conf import settings
from django.db import connection

from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.quotas import take_named
from therapyconnect.core.errors import Throttled
from therapyconnect.core.queries import Query, Reading, Rows, run
from therapyconnect.messaging.selectors.search import SearchFilters, SearchPage, search_page

T = TypeVar("T")

SEARCH_SECONDS: Final = 0.3
"""How long one request looks; `THERAPYCONNECT["SEARCH_SECONDS"]` says otherwise."""

AT_ONCE: Final = 2
"""Of one process: with each at rest half of its time, less than one thread is ever busy."""

MIN_REST: Final = 0.001
MAX_REST: Final = 0.05


class Turns:
    """Who searches now: each user once, and all of them together `at_once`. Nobody waits."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._searching: set[str] = set()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, user_id: str) -> Iterator[None]:
        """Hold the user's turn; `Throttled` where they have one already, or all are taken."""
        with self._lock:
            if user_id in self._searching:
                raise Throttled(retry_after=1)
            if len(self._searching) >= self._at_once:
                raise Throttled(retry_after=2)
            self._searching.add(user_id)
        try:
            yield
        finally:
            with self._lock:
                self._searching.discard(user_id)


_turns = Turns(AT_ONCE)


def search(*, viewer: Principal, q: str, chat_id: str | None, filters: SearchFilters) -> SearchPage:
    """`search_page` for the time that the settings give, in the viewer's turn, from a thread.

    `Throttled`: the viewer searches already, too many others do, or it was too often. Only what
    gets its turn counts as a search.
    """
    seconds = settings.THERAPYCONNECT.get("SEARCH_SECONDS", SEARCH_SECONDS)
    with _turns.turn(viewer.id):
        run(take_named("search", viewer.id))
        return run_apart(
            search_page(viewer=viewer, q=q, chat_id=chat_id, filters=filters, seconds=seconds)
        )


def run_apart(reading: Reading[T]) -> T:
    """The result of `reading`, holding this thread's connection for the queries alone.

    After each stretch of work between two queries it rests as long as that took, within bounds.
    """
    _give_back()
    try:
        query = next(reading)
        while True:
            rows = run(_one(query))
            _give_back()
            began = time.monotonic()
            query = reading.send(rows)
            time.sleep(min(MAX_REST, max(MIN_REST, time.monotonic() - began)))
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


def _one(query: Query) -> Reading[Rows]:
    return (yield query)


def _give_back() -> None:
    """Return the connection to its pool; the next query takes one again.

    Not within a transaction, which is its caller's to end.
    """
    if not connection.in_atomic_block:
        connection.close()
