"""What is said on one socket, from its greeting to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from therapyconnect_client import frames
from therapyconnect_client.feed import BUSY, Broken, Feed
from therapyconnect_client.receipts import Mark, Outbound

log = logging.getLogger("therapyconnect_client")

CHATS_A_FRAME: Final = 500
RECEIPTS_AT_ONCE: Final = 15
"""Then a second's pause: the server counts frames."""
GATHER_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 10.0


class Talk:
    """One socket. Its parts run side by side; where one of them ends, the socket does.

    `welcomed` is awaited once the greeting came, before anything is asked for: it tells the feed
    which chats there are.
    """

    def __init__(
        self,
        socket: ClientConnection,
        feed: Feed,
        receipts: Outbound,
        *,
        welcomed: Callable[[], Awaitable[None]],
    ) -> None:
        self._socket = socket
        self._feed = feed
        self._receipts = receipts
        self._welcomed = welcomed
        self._greeted = asyncio.Event()
        self._wanted = asyncio.Event()
        self._marked = asyncio.Event()
        self._heartbeat = 20.0
        self._heard = asyncio.get_running_loop().time()
        self._marks: dict[str, Mark] = {}
        self._resumes: dict[str, list[str]] = {}
        self._numbers = 0
        self.caught_up = False
        """Something was asked for, and the answer came: this socket has been of use."""
        receipts.lost()

    # --- its parts ----------------------------------------------------------------------------

    async def listen(self) -> None:
        """Read frames until the socket ends."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                text = await self._socket.recv()
            except ConnectionClosed:
                return
            self._heard = loop.time()
            try:
                frame = frames.decode(text)
            except msgspec.DecodeError:
                raise Broken("a frame that is none") from None
            self._hear(frame)
            if self._feed.wants:
                self._wanted.set()

    async def watch(self) -> None:
        """Ask for a sign of life where it has been quiet; end the socket where none comes."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._greeted.wait()
        while True:
            quiet = loop.time() - self._heard
            if quiet < self._heartbeat:
                await asyncio.sleep(self._heartbeat - quiet)
                continue
            asked = loop.time()
            await self.say(type="ping")
            await asyncio.sleep(ANSWER_SECONDS)
            if self._heard < asked:
                self._socket.transport.abort()
                raise TimeoutError

    async def ask(self) -> None:
        """Ask for what is missing: of every chat at first, later where a gap shows."""
        await self._greeted.wait()
        await self._welcomed()
        while True:
            missing = list(self._feed.to_resume().items())
            for at in range(0, len(missing), CHATS_A_FRAME):
                chats = dict(missing[at : at + CHATS_A_FRAME])
                self._numbers += 1
                ref = f"resume-{self._numbers}"
                self._resumes[ref] = list(chats)
                await self.say(type="resume", chats=chats, ref=ref)
            await self._wanted.wait()
            self._wanted.clear()

    async def tell(self) -> None:
        """Tell the server how far things were received and read; what gathers goes as one."""
        await self._greeted.wait()
        while True:
            for count, mark in enumerate(self._receipts.due(), 1):
                self._numbers += 1
                ref = f"receipt-{self._numbers}"
                self._marks[ref] = mark
                await self.say(
                    type=f"message_{mark.kind}", chat_id=mark.chat_id, seq=mark.seq, ref=ref
                )
                if count % RECEIPTS_AT_ONCE == 0:
                    await asyncio.sleep(1)
            await self._marked.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._marked.clear()

    # --- from outside -------------------------------------------------------------------------

    def look(self) -> None:
        """The listener has room again: what was left out can be asked for."""
        self._wanted.set()

    def marked(self) -> None:
        """There is a receipt to tell."""
        self._marked.set()

    async def say(self, **frame: Any) -> None:
        await self._socket.send(msgspec.json.encode(frame).decode())

    # --- what it hears ------------------------------------------------------------------------

    def _hear(self, frame: frames.Frame) -> None:
        if isinstance(frame, frames.ConnectionEstablished):
            self._heartbeat = frame.heartbeat_seconds
            self._greeted.set()
        elif isinstance(frame, frames.Refusal):
            self._hear_refusal(frame)
        elif not isinstance(frame, frames.Pong):
            if isinstance(frame, frames.MessageReadReceipt | frames.MessageDeliveredReceipt):
                mark = self._marks.pop(str(frame.ref), None)
                if mark is not None:
                    self._receipts.confirm(mark)
            self.caught_up = self.caught_up or isinstance(frame, frames.Resumed)
            self._feed.hear(frame)

    def _hear_refusal(self, frame: frames.Refusal) -> None:
        mark = self._marks.pop(str(frame.ref), None)
        if mark is not None:
            if frame.code in BUSY:
                self._receipts.untold(mark)
                self._later(frame.retry_after, self._marked)
            else:
                self._receipts.drop(mark)
        elif frame.ref == "authenticate":
            raise Broken(f"a fresh token was refused: {frame.code}")
        elif (chats := self._resumes.get(str(frame.ref))) is not None:
            # One of the chats; without its name, the whole of what was asked.
            for chat_id in [frame.chat_id] if frame.chat_id else chats:
                self._feed.refused(chat_id, frame.code)
            if frame.code in BUSY:
                self._later(frame.retry_after, self._wanted)
        else:
            log.info("refused on the socket: %s", frame.code)

    def _later(self, retry_after: float | None, event: asyncio.Event) -> None:
        asyncio.get_running_loop().call_later(retry_after or 1.0, event.set)
