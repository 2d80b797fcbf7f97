"""Who listens begins where they wished to, and hears nothing of who was there before."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.clients.steps import Front, a, client_of, email_of, eventually, run, until
from tests.harness.server import PASSWORD, LiveServer, Pair
from therapyconnect_client import CaughtUp, ChatGone, Client, Stopped
from therapyconnect_client.frames import NewMessage
from therapyconnect_client.listening import EventStream


async def _say(client: Client, chat_id: str, texts: Sequence[str]) -> None:
    for text in texts:
        await (await client.send(chat_id, text))


async def _waiting(events: EventStream, count: int) -> None:
    """So many messages are there for the listener to take."""

    async def there() -> bool:
        found = [item for item in events._mailbox._items if isinstance(item, NewMessage)]
        return len(found) == count

    await eventually(there)


class Door:
    """A front's `says`: holds log-ins until they may `go` on."""

    def __init__(self) -> None:
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: str) -> bytes | None:
        if request.endswith("/auth/login"):
            self.reached.set()
            await self.go.wait()
        return None


def test_from_now_on_is_said_once(server: LiveServer, pair: Pair) -> None:
    """Where the chats stood is kept: for the next log-in, and for the next process."""

    async def work() -> None:
        async with client_of(server, pair, "therapist") as therapist:
            await _say(therapist, pair.chat_id, ["line 1", "line 2"])
            async with Client(server.base, since="now") as patient:
                await patient.log_in(email_of(pair.patient_id), PASSWORD)
                assert (await a(patient.events(), CaughtUp)).last_seq == 2
                assert patient.cursors == {pair.chat_id: 2}
                await patient.log_out()
                await _say(therapist, pair.chat_id, ["line 3"])
                await patient.log_in(email_of(pair.patient_id), PASSWORD)
                assert (await a(patient.events(), NewMessage)).seq == 3
                cursors = patient.cursors
            await _say(therapist, pair.chat_id, ["line 4"])
            assert cursors == {pair.chat_id: 2}
            async with client_of(
                server, pair, "patient", cursors=cursors, since="now"
            ) as patient:  # fmt: skip
                events = patient.events()
                assert [(await a(events, NewMessage)).seq for _ in range(2)] == [3, 4]

    run(work())


def test_from_now_on_is_meant_for_the_next_user_too(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    async def work() -> None:
        async with client_of(server, other_pair, "therapist") as therapist:
            await _say(therapist, other_pair.chat_id, ["line 1", "line 2"])
            async with Client(server.base, since="now") as patient:
                await patient.log_in(email_of(pair.patient_id), PASSWORD)
                await a(patient.events(), CaughtUp)
                await patient.log_in(email_of(other_pair.patient_id), PASSWORD)
                events = patient.events()
                first = await until(events, lambda it: isinstance(it, NewMessage | CaughtUp))
                assert isinstance(first, CaughtUp)
                assert patient.cursors == {other_pair.chat_id: 2}
                await _say(therapist, other_pair.chat_id, ["line 3"])
                assert (await a(events, NewMessage)).seq == 3

    run(work())


def test_a_chat_that_goes_while_one_asks_where_it_stands(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            Front(server.port) as front,
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient", base=front.base, since="now") as patient,
        ):

            async def says(request: str) -> bytes | None:
                if request == f"GET /api/chats/{pair.chat_id}/":
                    await therapist.chats.update_status(pair.chat_id, "deleted")
                return None

            front.says = says
            assert (await a(patient.events(), ChatGone)).chat_id == pair.chat_id

    run(work())


def test_who_reads_on_after_the_end_opens_no_socket(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "therapist") as therapist,
            client_of(server, pair, "patient") as patient,
        ):
            events = patient.events()
            await a(events, CaughtUp)
            await _say(therapist, pair.chat_id, ["line 1", "line 2", "line 3"])
            await _waiting(events, 3)
            await patient.close()
            read = [happening async for happening in events]
            assert [news.seq for news in read if isinstance(news, NewMessage)] == [1, 2, 3]
            assert patient._listening._task is None
            # What was dealt with counts, also now.
            assert patient.cursors == {pair.chat_id: 3}

    run(work())


def test_the_next_user_hears_nothing_of_the_last(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    """Whose listener is behind, and reads on while the other logs in, and after."""

    async def work() -> None:
        async with (
            Front(server.port) as front,
            Client(front.base) as client,
            client_of(server, pair, "therapist") as therapist,
            client_of(server, other_pair, "therapist") as other,
        ):
            await client.log_in(email_of(pair.patient_id), PASSWORD)
            last = client.events()
            await a(last, CaughtUp)
            await _say(therapist, pair.chat_id, ["line 1", "line 2", "line 3"])
            await _waiting(last, 3)
            front.says = door = Door()
            coming = asyncio.create_task(client.log_in(email_of(other_pair.patient_id), PASSWORD))
            await door.reached.wait()
            assert (await a(last, NewMessage)).seq == 1
            door.go.set()
            await coming
            assert client.cursors == {}
            events = client.events()
            await a(events, CaughtUp, chat_id=other_pair.chat_id)
            rest = [happening async for happening in last]
            assert [news.seq for news in rest if isinstance(news, NewMessage)] == [2, 3]
            await _say(other, other_pair.chat_id, ["welcome", "again"])
            for seq in (1, 2):
                news = await a(events, NewMessage)
                assert (news.chat_id, news.seq) == (other_pair.chat_id, seq)
            assert client.cursors == {other_pair.chat_id: 1}

    run(work())


def test_nothing_begins_while_somebody_else_logs_in(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    async def work() -> None:
        async with (
            Front(server.port) as front,
            client_of(server, pair, "patient", base=front.base) as client,
        ):
            front.says = door = Door()
            coming = asyncio.create_task(client.log_in(email_of(other_pair.patient_id), PASSWORD))
            await door.reached.wait()
            with pytest.raises(Stopped):
                client.events()
            with pytest.raises(Stopped):
                client.mark_read(pair.chat_id, 1)
            with pytest.raises(Stopped):
                await client.send(pair.chat_id, "as whom?")
            door.go.set()
            await coming
            await a(client.events(), CaughtUp, chat_id=other_pair.chat_id)

    run(work())
