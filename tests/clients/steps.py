"""What the tests of the Python client have in common."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from tests.harness.relay import Relay
from tests.harness.server import PASSWORD, LiveServer, Pair
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


def email_of(user_id: str) -> str:
    return f"{user_id}@demo.test"


def as_if(user_id: str, *, ends_in: float) -> str:
    """What looks like an access token to who can't verify it: the client."""
    claims = {"sub": user_id, "iat": time.time() - 900 + ends_in, "exp": time.time() + ends_in}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.none"


async def logged_in(server: LiveServer, pair: Pair) -> Tokens:
    """The patient's, of a log-in with the password."""
    kept: list[Tokens | None] = []
    async with Client(server.base, on_tokens=kept.append) as client:
        await client.log_in(email_of(pair.patient_id), PASSWORD)
        assert client.user_id == pair.patient_id
        assert (await client.people.me()).id == pair.patient_id
    tokens = kept[-1]
    assert tokens is not None
    assert tokens.access not in repr(tokens)
    return tokens


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


def page(status: int, *headers: str, body: bytes = b"<html>Our Wi-Fi, welcome</html>") -> bytes:
    """What something on the way answers that is not the server."""
    lines = [f"HTTP/1.1 {status} Odd", "Content-Type: text/html", "Connection: close", *headers]
    if not any(header.startswith("Content-Length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Front(Relay):
    """Stands before a server, a connection for each request; `says` may answer in its place.

    `says` is told the method and the path. It may take its time; None leads to the server.
    """

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.says: Callable[[str], Awaitable[bytes | None]] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path = head.split(b" ", 2)[:2]
        said = await self.says(f"{method.decode()} {path.decode()}") if self.says else None
        if said is not None:
            writer.write(said)
            await writer.drain()
            return
        there, out = await asyncio.open_connection("127.0.0.1", self._to)
        out.write(head.replace(b"keep-alive", b"close"))
        onward = asyncio.create_task(_carry(reader, out))
        try:
            await _carry(there, writer)
        finally:
            onward.cancel()
            out.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
