"""The listening half of a client: one socket, one order, one mailbox."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from random import Random
from typing import Literal

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from therapyconnect_client import frames
from therapyconnect_client.chats import Chats
from therapyconnect_client.errors import Stopped
from therapyconnect_client.feed import Feed
from therapyconnect_client.happenings import Afresh, Connected, Disconnected, Happening
from therapyconnect_client.line import Line
from therapyconnect_client.mailbox import Mailbox
from therapyconnect_client.receipts import Kind, Outbound
from therapyconnect_client.session import Session
from therapyconnect_client.talk import Talk

CONFIRMED = (frames.NewMessage, frames.EmergencyMessage, frames.EmergencyFlagged)
"""What a device tells that it has. A flag, too: its message may have been confirmed long before."""


class Listening:
    """Runs a `Line` from the first wish to hear something until `stop`."""

    def __init__(
        self,
        base: str,
        session: Session,
        chats: Chats,
        *,
        tls: ssl.SSLContext | None,
        dice: Random,
        cursors: Mapping[str, int],
        since: Literal["start", "now"],
        limit: int,
        confirm: bool,
        on_connected: Callable[[], None],
    ) -> None:
        self._base = base
        self._session = session
        self._chats = chats
        self._tls = tls
        self._dice = dice
        self._since = since
        self._limit = limit
        self._confirm = confirm
        self._on_connected = on_connected
        self.cursors = dict(cursors)
        self._task: asyncio.Task[None] | None = None
        self._line: Line | None = None
        self._user_id: str | None = None
        self._prepare()

    def _prepare(self) -> None:
        """Begin anew from what was handed out."""
        self._receipts = Outbound()
        self._mailbox: Mailbox[Happening] = Mailbox(self._limit, on_room=self._look)
        self._feed = Feed(self._mailbox, self.cursors)

    # --- its life -----------------------------------------------------------------------------

    def events(self) -> EventStream:
        self._start()
        return EventStream(self._mailbox, self._handing, self._handed)

    def mark(self, chat_id: str, kind: Kind, seq: int) -> None:
        self._start()
        if self._receipts.want(chat_id, kind, seq) and self._talk is not None:
            self._talk.marked()

    async def typing(self, chat_id: str, is_typing: bool) -> None:
        talk = self._talk
        if talk is not None:
            try:
                await talk.say(type="typing", chat_id=chat_id, is_typing=is_typing)
            except (OSError, WebSocketException):
                return

    def tell(self, happening: Happening) -> None:
        """Put something of the client's own between what the server says."""
        self._mailbox.put(happening)

    def nudge(self) -> None:
        """The server has answered elsewhere."""
        if self._line is not None:
            self._line.nudge()

    async def stop(self) -> None:
        """Close the socket. Who listens has heard all; the cursors stay."""
        task, self._task, self._line = self._task, None, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._mailbox.end(Stopped())
        self._prepare()

    @property
    def _talk(self) -> Talk | None:
        return self._line.talk if self._line is not None else None

    def _start(self) -> None:
        if self._task is not None:
            if not self._task.done():
                return
            self._prepare()  # it had ended, and there is a session again
        user_id = self._session.user_id
        if self._user_id not in (None, user_id):
            self.cursors.clear()
            self._prepare()
        self._user_id = user_id
        self._line = Line(
            f"{self._base}/ws/notifications/{user_id}/",
            self._session,
            tls=self._tls,
            dice=self._dice,
            new_talk=self._new_talk,
            on_end=lambda code: self.tell(Disconnected(code)),
        )
        self._task = asyncio.create_task(self._run(self._line, self._mailbox))

    async def _run(self, line: Line, mailbox: Mailbox[Happening]) -> None:
        try:
            await line.run()
        except Exception as error:
            # Whatever it was: who listens must not wait for what can't come.
            mailbox.end(error)

    # --- a socket's beginning -----------------------------------------------------------------

    def _new_talk(self, socket: ClientConnection) -> Talk:
        return Talk(socket, self._feed, self._receipts, welcomed=self._welcomed)

    async def _welcomed(self) -> None:
        """Which chats there are: a new one may have been spoken in while nobody listened."""
        self.tell(Connected())
        self._on_connected()
        chat_ids = [chat.id async for chat in self._chats.list()]
        if self._since == "now":
            for chat_id in chat_ids:
                if not self._feed.begun(chat_id):
                    self._feed.begin(chat_id, (await self._chats.get(chat_id)).last_seq)
            # Chats that are made from now on are told from their first event.
            self._since = "start"
        self._feed.follow(chat_ids)

    def _look(self) -> None:
        if self._talk is not None:
            self._talk.look()

    # --- handing out --------------------------------------------------------------------------

    def _handing(self, happening: Happening) -> None:
        """About to be given to the listener: this device has it."""
        if isinstance(happening, Afresh):
            self._receipts.forget(happening.chat_id)
        elif self._confirm and isinstance(happening, CONFIRMED):
            self.mark(happening.chat_id, "delivered", happening.seq)

    def _handed(self, happening: Happening) -> None:
        """The listener came for the next: they have dealt with this one."""
        if isinstance(happening, Afresh):
            self.cursors[happening.chat_id] = 0
        elif isinstance(happening, frames.Numbered | frames.Unknown) and happening.chat_id:
            self.cursors[happening.chat_id] = happening.seq or 0


class EventStream:
    """An async iterator that can be left and taken up again."""

    def __init__(
        self,
        mailbox: Mailbox[Happening],
        handing: Callable[[Happening], None],
        handed: Callable[[Happening], None],
    ) -> None:
        self._mailbox = mailbox
        self._handing = handing
        self._handed = handed
        self._last: Happening | None = None

    def __aiter__(self) -> EventStream:
        return self

    async def __anext__(self) -> Happening:
        if self._last is not None:
            last, self._last = self._last, None
            self._handed(last)
        try:
            happening = await self._mailbox.get()
        except Stopped:
            raise StopAsyncIteration from None
        self._handing(happening)
        self._last = happening
        return happening
