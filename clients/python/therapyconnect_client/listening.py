"""The listening half of a client: one socket, one order, one mailbox."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import Literal

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import WebSocketException

from therapyconnect_client import frames
from therapyconnect_client.chats import Chats
from therapyconnect_client.errors import NotFound, Stopped
from therapyconnect_client.happenings import Afresh, Connected, Disconnected, Happening
from therapyconnect_client.hearing import Hearing
from therapyconnect_client.line import Line
from therapyconnect_client.mailbox import Mailbox
from therapyconnect_client.receipts import Kind
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
        self._placed = False
        self._hearing = self._new_hearing(dict(cursors))
        self._task: asyncio.Task[None] | None = None
        self._line: Line | None = None
        self._user_id: str | None = None

    @property
    def cursors(self) -> dict[str, int]:
        return self._hearing.cursors

    def _new_hearing(self, cursors: dict[str, int]) -> Hearing:
        return Hearing(cursors, limit=self._limit, on_room=self._look)

    # --- its life -----------------------------------------------------------------------------

    def turn_to(self, user_id: str) -> None:
        """Who listens from here on. Another user than before begins with cursors of their own."""
        if self._user_id not in (None, user_id):
            self._hearing = self._new_hearing({})
            self._placed = False
        self._user_id = user_id

    def events(self) -> EventStream:
        self._start()
        hearing = self._hearing
        return EventStream(hearing.mailbox, partial(self._handing, hearing), hearing.handed)

    def mark(self, chat_id: str, kind: Kind, seq: int) -> None:
        self._start()
        self._mark(self._hearing, chat_id, kind, seq)

    async def typing(self, chat_id: str, is_typing: bool) -> None:
        talk = self._talk
        if talk is not None:
            try:
                await talk.say(type="typing", chat_id=chat_id, is_typing=is_typing)
            except (OSError, WebSocketException):
                return

    def tell(self, happening: Happening) -> None:
        """Put something of the client's own between what the server says."""
        self._hearing.mailbox.put(happening)

    def nudge(self) -> None:
        """The server has answered elsewhere."""
        if self._line is not None:
            self._line.nudge()

    async def stop(self) -> None:
        """Close the socket. Who listens has heard all; the cursors stay."""
        task, self._task, self._line = self._task, None, None
        stopped, self._hearing = self._hearing, self._new_hearing(self.cursors)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        stopped.mailbox.end(Stopped())

    @property
    def _talk(self) -> Talk | None:
        return self._line.talk if self._line is not None else None

    def _start(self) -> None:
        if self._task is not None:
            if not self._task.done():
                return
            # It had ended, and there is a session again.
            self._hearing = self._new_hearing(self.cursors)
        user_id = self._session.user_id
        self.turn_to(user_id)
        hearing = self._hearing
        self._line = Line(
            f"{self._base}/ws/notifications/{user_id}/",
            self._session,
            tls=self._tls,
            dice=self._dice,
            new_talk=partial(self._new_talk, hearing),
            on_end=lambda code: hearing.mailbox.put(Disconnected(code)),
        )
        self._task = asyncio.create_task(self._run(self._line, hearing.mailbox))

    async def _run(self, line: Line, mailbox: Mailbox[Happening]) -> None:
        try:
            await line.run()
        except Exception as error:
            # Whatever it was: who listens must not wait for what can't come.
            mailbox.end(error)

    # --- a socket's beginning -----------------------------------------------------------------

    def _new_talk(self, hearing: Hearing, socket: ClientConnection) -> Talk:
        welcomed = partial(self._welcomed, hearing)
        return Talk(socket, hearing.feed, hearing.receipts, welcomed=welcomed)

    async def _welcomed(self, hearing: Hearing) -> None:
        """Which chats there are: a new one may have been spoken in while nobody listened."""
        hearing.mailbox.put(Connected())
        self._on_connected()
        chat_ids = [chat.id async for chat in self._chats.list()]
        if self._since == "now" and not self._placed:
            for chat_id in chat_ids:
                if not hearing.feed.begun(chat_id):
                    with suppress(NotFound):  # deleted since the list was made
                        hearing.place(chat_id, (await self._chats.get(chat_id)).last_seq)
            # Chats that are made from now on are told from their first event.
            self._placed = True
        hearing.feed.follow(chat_ids)

    def _look(self) -> None:
        if self._talk is not None:
            self._talk.look()

    # --- handing out --------------------------------------------------------------------------

    def _handing(self, hearing: Hearing, happening: Happening) -> None:
        """About to be given to the listener: this device has it.

        It opens no socket: what waited is handed out after a stop as well.
        """
        if isinstance(happening, Afresh):
            hearing.receipts.forget(happening.chat_id)
        elif self._confirm and isinstance(happening, CONFIRMED):
            self._mark(hearing, happening.chat_id, "delivered", happening.seq)

    def _mark(self, hearing: Hearing, chat_id: str, kind: Kind, seq: int) -> None:
        if hearing.receipts.want(chat_id, kind, seq) and self._talk is not None:
            self._talk.marked()


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
