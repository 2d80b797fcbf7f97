"""The hub of one process: what those who are connected are told.

Chat sockets hang on their chat's stream; user sockets hear the streams of all chats of their
user. What keeps two people apart (a block, a deletion, the end of their relationship) is heeded
here: each arrival tells how its chat stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import structlog

from therapyconnect.core.hub import (
    AlertChanged,
    AttachmentChanged,
    Happened,
    Notified,
    Push,
    ReceiptMoved,
    Typing,
    Unsure,
)
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.messaging.policies.standing import Bar
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.shapes import Receipts
from therapyconnect.realtime.alerts import AlertBoard
from therapyconnect.realtime.audience import Audience, Socket
from therapyconnect.realtime.events import Arrival
from therapyconnect.realtime.presence import PresenceBoard
from therapyconnect.realtime.streams import ReadEvents
from therapyconnect.realtime.typing import TypingBoard

log = structlog.get_logger("therapyconnect.realtime.hub")

GOING_AWAY: Final = 1001
BLOCKED: Final = 4403
GONE: Final = 4404


class MemoryHub(Audience):
    """The hub engine for one process; on the loop only."""

    def __init__(self, read: ReadEvents) -> None:
        super().__init__(read)
        self._presence = PresenceBoard(changed=self._tell_presence)
        self._alerts = AlertBoard()
        self._typing = TypingBoard(expired=self._tell_typing)

    async def start(self) -> None:
        """Begin; of one process there is nobody else to tell."""

    async def stop(self) -> None:
        """End."""

    # --- what is pushed -----------------------------------------------------------------------

    def publish(self, pushes: Sequence[Push]) -> None:
        for push in pushes:
            try:
                self._publish(push)
            except Exception:
                # The next one may be another chat's ack. This one was committed: read it again.
                chat_id = getattr(push, "chat_id", "")
                log.error("hub.push_broke", exc_info=True, chat_id=chat_id)
                if (stream := self._streams.get(chat_id)) is not None:
                    stream.suspect()

    def _publish(self, push: Push) -> None:
        if isinstance(push, Happened):
            stream = self._stream_of(push.chat_id)
            if stream is not None:
                stream.push(Arrival.of(push))
        elif isinstance(push, ReceiptMoved):
            for socket in self._hearing(push.chat_id):
                socket.hear_receipt(push)
        elif isinstance(push, AlertChanged):
            if self._alerts.advances(push.alert):
                for socket in self._hearing(push.chat_id):
                    socket.hear_alert(push)
        elif isinstance(push, AttachmentChanged):
            for socket in self._hearing(push.chat_id):
                if socket.user_id in push.audience:
                    socket.hear_attachment(push)
        elif isinstance(push, Notified):
            user = self._users.get(push.user_id)
            for socket in [*user.sockets] if user is not None else []:
                socket.hear_notification(push)
        elif isinstance(push, Unsure) and (stream := self._streams.get(push.chat_id)):
            stream.suspect()

    def type(self, typing: Typing) -> None:
        """A participant types or has stopped; it expires by itself."""
        if self._open_between(typing.chat_id) and self._typing.note(typing):
            self._tell_typing(typing)

    def _tell_typing(self, typing: Typing) -> None:
        for socket in self._hearing(typing.chat_id):
            if socket.user_id != typing.user_id:
                socket.hear_typing(typing)

    def heed_horizons(self, chat_id: str, receipts: Receipts) -> None:
        """A socket is told these, which were read; in one process no receipt comes behind them."""

    def reopen(self, chat_id: str) -> None:
        """It was just read that nothing keeps the two apart any more."""
        self._heed(chat_id, None)

    # --- who is there -------------------------------------------------------------------------

    def online(self, user_id: str) -> bool:
        """Whether the user has a socket open; from any thread."""
        return self._presence.online(user_id)

    def came(self, socket: Socket, chat_ids: Iterable[str]) -> None:
        """A socket was let in: it is told who of these chats is there, and they of its user."""
        for chat_id in chat_ids:
            for other in self._others(chat_id, socket.user_id):
                if self._presence.online(other) and self._open_between(chat_id):
                    socket.hear_presence(chat_id, other, online=True)
        self._presence.came(socket.user_id, socket)

    def gone(self, socket: Socket) -> None:
        self._presence.gone(socket.user_id, socket)

    def chats_heard(self, user_id: str) -> list[str]:
        """The chats that a user's sockets hear."""
        user = self._users.get(user_id)
        return sorted(user.chats) if user is not None else []

    def _tell_presence(self, user_id: str, online: bool) -> None:
        for chat_id in [*self._streams_of.get(user_id, ())]:
            if self._open_between(chat_id):
                self._say_presence(chat_id, user_id, online=online)

    def _say_presence(self, chat_id: str, user_id: str, *, online: bool) -> None:
        for socket in self._hearing(chat_id):
            if socket.user_id != user_id:
                socket.hear_presence(chat_id, user_id, online=online)

    def _open_between(self, chat_id: str) -> bool:
        stream = self._streams.get(chat_id)
        return stream is not None and stream.last is not None and stream.bar is None

    def _others(self, chat_id: str, user_id: str) -> list[str]:
        return [other for other in parse_chat_id(chat_id) or () if other != user_id]

    # --- what a stream lets through -------------------------------------------------------------

    def _deliver(self, arrival: Arrival) -> None:
        for socket in self._hearing(arrival.chat_id):
            try:
                socket.arrive(arrival)
            except Exception:
                # It would hear the next one and never miss this: end it, so that it resumes.
                log.error("hub.socket_broke", exc_info=True, chat_id=arrival.chat_id)
                socket.close(GOING_AWAY, "resume")
        self._stood(arrival.chat)

    def _stood(self, chat: ChatAccess) -> None:
        bar = chat.standing.bar
        stream = self._streams.get(chat.id)
        if stream is not None and stream.bar != bar:
            self._heed(chat.id, bar)

    def _heed(self, chat_id: str, bar: Bar | None) -> None:
        """What keeps the two apart has changed: close the chat's sockets, or let them meet again.

        Those who stay (user sockets) see the other leave, or whether the other is there.
        """
        stream = self._streams.get(chat_id)
        if stream is None or stream.bar == bar:
            return
        before, stream.bar = stream.bar, bar
        if bar is not None:
            for socket in [*self._chat_sockets.get(chat_id, ())]:
                socket.close(GONE if bar == "deleted" else BLOCKED, bar)
        if (before is None) != (bar is None):
            for user_id in parse_chat_id(chat_id) or ():
                if self._presence.online(user_id):
                    self._say_presence(chat_id, user_id, online=bar is None)

    def _late(self, arrival: Arrival) -> None:
        """Everyone has it already; the socket that sent it still waits for its ack."""
        if arrival.origin is not None:
            arrival.origin.socket.arrive(arrival)

    def _lose(self, chat_id: str) -> None:
        """The stream can't go on: its sockets reconnect and resume."""
        self._drop(chat_id)
        for socket in self._hearing(chat_id):
            socket.close(GOING_AWAY, "resume")
