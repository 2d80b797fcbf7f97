"""What the Python client's queue can't send, or can't let go of, holds nothing up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.clients.steps import SECONDS, client_of, email_of, run
from tests.harness.server import PASSWORD, LiveServer, Pair
from therapyconnect_client import Client, Invalid, MemoryStore, Stopped
from therapyconnect_client.stores import Outgoing


@pytest.mark.parametrize(
    ("text", "payload", "attr"),
    [("cut in half \ud83d", None, "text"), ("odd", {"secret": object()}, "payload")],
    ids=["text", "payload"],
)
def test_what_json_cant_hold_is_refused_at_once(
    server: LiveServer, pair: Pair, text: str, payload: dict[str, Any] | None, attr: str
) -> None:
    async def work() -> None:
        async with client_of(server, pair, "patient") as patient:
            for emergency in (False, True):
                with pytest.raises(Invalid) as refused:
                    await patient.send(pair.chat_id, text, payload=payload, emergency=emergency)
                assert (refused.value.code, refused.value.attr) == ("invalid", attr)
                # An error beneath it would hold what was written.
                assert refused.value.__context__ is None
            assert patient.waiting == 0
            call = await patient.send(pair.chat_id, "now", emergency=True)
            assert (await call).emergency_alert is not None
            assert (await (await patient.send(pair.chat_id, "a word"))).text == "a word"

    run(work(), SECONDS)


class Stubborn(MemoryStore):
    """Lets nothing go."""

    async def remove(self, item: Outgoing) -> None:
        raise OSError("disk full")


def test_who_waits_is_told_though_the_store_fails(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "patient", store=Stubborn()) as patient:
            await patient.people.change_settings(region="CH")
            call = await patient.send(pair.chat_id, "now", emergency=True)
            assert [found.phone for found in (await call).crisis_resources] == ["144", "143"]
            refused = await patient.send(pair.chat_id, "   ", emergency=True)
            with pytest.raises(Invalid) as why:
                await refused
            assert [found.phone for found in why.value.crisis_resources] == ["144", "143"]

    run(work(), SECONDS)


class Endless(MemoryStore):
    """Never comes back from letting go of something."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def remove(self, item: Outgoing) -> None:
        self.asked.set()
        await asyncio.Event().wait()


def test_who_waits_is_told_though_the_client_stops(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        store = Endless()
        async with client_of(server, pair, "patient", store=store) as patient:
            delivery = await patient.send(pair.chat_id, "a word")
            await store.asked.wait()
        assert delivery.settled
        assert (await delivery).text == "a word"

    run(work())


class Gated(MemoryStore):
    """Keeps something once it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def add(self, item: Outgoing) -> None:
        self.asked.set()
        await self.go.wait()
        await super().add(item)


def test_what_one_wrote_is_not_sent_by_the_next(server: LiveServer, pair: Pair) -> None:
    """Taken by the store only while the other logs in."""

    async def work() -> None:
        store = Gated()
        async with Client(server.base, store=store) as client:
            await client.log_in(email_of(pair.patient_id), PASSWORD)
            writing = asyncio.create_task(client.send(pair.chat_id, "from the patient"))
            await store.asked.wait()
            behind = asyncio.create_task(client.send(pair.chat_id, "and more"))
            await asyncio.sleep(0)
            coming = asyncio.create_task(client.log_in(email_of(pair.therapist_id), PASSWORD))
            while not client._session.open or client.user_id != pair.therapist_id:
                await asyncio.sleep(0.01)
            store.go.set()
            await coming
            for sent in (writing, behind):
                with pytest.raises(Stopped):
                    await (await sent)
            assert client.waiting == 0
            assert [item.user_id for item in await store.load()] == [pair.patient_id] * 2
            assert [m async for m in client.messages.history(pair.chat_id)] == []

    run(work())
