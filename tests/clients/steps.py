"""What the tests of the Python client have in common."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from tests.harness.server import LiveServer, Pair
from therapyconnect_client import Client, Happening, Tokens
from therapyconnect_client.frames import ChatMessage, EmergencyMessage, NewMessage, Numbered
from therapyconnect_client.listening import EventStream

T = TypeVar("T")
H = TypeVar("H")
SECONDS = 60.0
"""Within which anything must have happened, on a machine that others use as well."""
TOLD = (ChatMessage, NewMessage, EmergencyMessage)


def run(work: Coroutine[Any, Any, T], seconds: float = 3 * SECONDS) -> T:
    """The result of a test's work, or its failure; not for ever."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(bounded())


def tokens_of(pair: Pair, side: str) -> Tokens:
    """Of a load user: an access token for an hour, and nothing to renew it with."""
    access = pair.therapist_token if side == "therapist" else pair.patient_token
    return Tokens(access, "none")


def client_of(server: LiveServer, pair: Pair, side: str, **options: Any) -> Client:
    """A client of one of the two, by default on the server itself."""
    base = options.pop("base", server.base)
    return Client(base, tokens=tokens_of(pair, side), **options)


async def until(
    events: EventStream, wanted: Callable[[Happening], bool], seconds: float = SECONDS
) -> Happening:
    """The first that is wanted; what comes before it is passed over."""
    async with asyncio.timeout(seconds):
        async for happening in events:
            if wanted(happening):
                return happening
    raise AssertionError("the events ended")


async def a(events: EventStream, kind: type[H], seconds: float = SECONDS, **fields: Any) -> H:
    """The next of a kind, with these fields."""

    def wanted(happening: Happening) -> bool:
        return isinstance(happening, kind) and all(
            getattr(happening, name) == value for name, value in fields.items()
        )

    found = await until(events, wanted, seconds)
    assert isinstance(found, kind)
    return found


class Listener:
    """Writes down the numbered events of one client, chat by chat."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard: dict[str, list[Numbered]] = {}
        self.others: list[Happening] = []
        self._grew = asyncio.Event()

    def seqs(self, chat_id: str) -> list[int]:
        return [event.seq for event in self.heard.get(chat_id, [])]

    def texts(self, chat_id: str) -> list[str]:
        found = [event.message.text for event in self.heard[chat_id] if isinstance(event, TOLD)]
        return [text for text in found if text is not None]

    async def listen(self) -> None:
        async for happening in self.client.events():
            if isinstance(happening, Numbered):
                self.heard.setdefault(happening.chat_id, []).append(happening)
            else:
                self.others.append(happening)
            self._grew.set()

    async def has(self, chat_id: str, count: int, seconds: float = SECONDS) -> None:
        """Wait until so many events of the chat were heard."""
        async with asyncio.timeout(seconds):
            while len(self.heard.get(chat_id, [])) < count:
                self._grew.clear()
                await self._grew.wait()


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[Listener]:
    """A listener at work; what went wrong with it is raised at the end."""
    listener = Listener(client)
    task = asyncio.create_task(listener.listen())
    try:
        yield listener
    finally:
        if not task.done():
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()


async def eventually(
    true: Callable[[], Awaitable[bool]], seconds: float = SECONDS, pause: float = 0.05
) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(pause)
