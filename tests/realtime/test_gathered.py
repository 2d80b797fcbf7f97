"""What many streams miss at once is read together; one that can't be read keeps none waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.db import connection
from psycopg_pool import AsyncConnectionPool

from tests.api.bulk import Caseload, make_caseload
from tests.api.test_query_counts import THERAPIST, make_user
from therapyconnect.core.queries import Reading, arun
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.selectors.events import Stretch
from therapyconnect.realtime.gathered import CHATS_AT_ONCE, GatheredReads
from therapyconnect.vault.errors import SealBroken

CHATS = CHATS_AT_ONCE + 10
EACH = 12


@pytest.fixture
def caseload(transactional_db: None) -> Any:
    make_user(THERAPIST)
    yield make_caseload(THERAPIST, chats=CHATS, each=EACH)
    cipher_store.cache_clear()


class Counter:
    """Runs readings on a pool of its own, and counts the queries of each."""

    def __init__(self) -> None:
        self.queries: list[int] = []

    async def read(self, reading: Reading[Any]) -> Any:
        self.queries.append(0)
        return await arun(self._counted(reading, len(self.queries) - 1), self.pool)

    def _counted(self, reading: Reading[Any], at: int) -> Reading[Any]:
        try:
            query = next(reading)
            while True:
                self.queries[at] += 1
                query = reading.send((yield query))
        except StopIteration as done:
            return done.value

    def ask(self, asked: dict[str, int]) -> dict[str, Stretch | BaseException | None]:
        """What each stream gets, all of them asking in the same turn of a loop."""

        async def turn() -> list[Any]:
            info = connection.get_connection_params()
            names = ("dbname", "user", "password", "host", "port")
            kwargs = {name: info[name] for name in names if info.get(name)}
            async with AsyncConnectionPool(
                kwargs={**kwargs, "autocommit": True}, min_size=1, max_size=3, open=False
            ) as self.pool:
                read = GatheredReads(self.read)
                asking = (read(chat_id, after) for chat_id, after in asked.items())
                return await asyncio.gather(*asking, return_exceptions=True)

        return dict(zip(asked, asyncio.run(turn())))


def numbers(stretch: Stretch | BaseException | None) -> list[int]:
    assert isinstance(stretch, Stretch), stretch
    return [happening.seq for happening in stretch.happenings]


def test_many_chats_cost_a_few_queries(caseload: Caseload) -> None:
    counter = Counter()
    found = counter.ask(dict.fromkeys(caseload.chat_ids, EACH - 2))
    assert {tuple(numbers(stretch)) for stretch in found.values()} == {(EACH - 1, EACH)}
    for chat_id, stretch in found.items():
        assert isinstance(stretch, Stretch)
        assert stretch.chat.id == chat_id
        words = [h.message.text for h in stretch.happenings if h.message is not None]
        number = caseload.chat_ids.index(chat_id)
        assert words == [f"message {seq} of chat {number}" for seq in (EACH - 1, EACH)]
    # Two reads, each of the chats, what was said, what else happened; keys were known.
    assert counter.queries == [3, 3]


def test_a_piece_is_bounded_and_the_next_one_follows_it(caseload: Caseload) -> None:
    counter = Counter()
    found = counter.ask(dict.fromkeys(caseload.chat_ids[:CHATS_AT_ONCE], 0))
    pieces = {tuple(numbers(stretch)) for stretch in found.values()}
    assert pieces == {(1, 2, 3, 4)}
    (last,) = counter.ask({caseload.chat_ids[0]: 4}).values()
    assert numbers(last) == [*range(5, EACH + 1)]


def test_one_that_cannot_be_read_keeps_none_waiting(caseload: Caseload) -> None:
    broken, missing = caseload.chat_ids[3], "CHAT_t_counts_p_nobody"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_message SET text_sealed = set_byte(text_sealed, 20,"
            " 255 - get_byte(text_sealed, 20)) WHERE chat_id = %s AND seq = %s",
            (broken, EACH),
        )
    found = Counter().ask({missing: 0, **dict.fromkeys(caseload.chat_ids[:10], EACH - 1)})
    assert found.pop(missing) is None
    assert isinstance(found.pop(broken), SealBroken)
    assert {tuple(numbers(stretch)) for stretch in found.values()} == {(EACH,)}
