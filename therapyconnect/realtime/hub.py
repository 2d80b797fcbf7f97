"""The hub of one process: who is connected, and what each of them hears.

Chat sockets hang on their chat's stream; user sockets hear the streams of all chats of their
user. A stream lives as long as anyone hears it. What keeps two people apart (a block, a deletion,
the end of their relationship) is heeded here: each arrival tells how its chat stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import structlog

from therapyconnect.core.hub import (
    AlertChanged,
    Happened,
    Notified,
    Push,
    ReceiptMoved,
    Typing,
    Unsure,
)
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.messaging.policies.standing import Bar
from therapyconnect.messaging.selectors.positions import Position
from therapyconnect.realtime.events import Arrival
from therapyconnect.realtime.presence import PresenceBoard
from therapyconnect.realtime.streams import ChatStream, ReadEvents
from therapyconnect.realtime.typing import TypingBoard

log = structlog.get_logger("therapyconnect.realtime.hub")

GOING_AWAY: Final = 1001
BLOCKED: Final = 4403
GONE: Final = 4404


class Socket(Protocol):
    """What the hub needs of a connected socket. None of these may block."""

    user_id: str

    def arrive(self, arrival: Arrival) -> None: ...
    def hear_receipt(self, receipt: ReceiptMoved) -> None: ...
    def hear_typing(self, typing: Typing) -> None: ...
    def hear_presence(self, chat_id: str, user_id: str, online: bool) -> None: ...
    def hear_alert(self, change: AlertChanged) -> None: ...
    def hear_notification(self, notified: Notified) -> None: ...
    def close(self, code: int, reason: str = "") -> None: ...


class _User:
    """A connected user: their user sockets, and the chats these hear."""

    __slots__ = ("chats", "opened", "sockets")

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self.chats: set[str] = set()
        self.opened = False
        """False until it was read which chats there are, and where each stands."""


class MemoryHub:
    """The hub engine for one process; on the loop only."""

    def __init__(self, read: ReadEvents) -> None:
        self._read = read
        self._streams: dict[str, ChatStream] = {}
        self._chat_sockets: dict[str, set[Socket]] = {}
        self._users: dict[str, _User] = {}
        # Of each user of an open stream, the chats of theirs that have one.
        self._streams_of: dict[str, set[str]] = {}
        self._presence = PresenceBoard(changed=self._tell_presence)
        self._typing = TypingBoard(expired=lambda typing: self.publish([typing]))

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
        elif isinstance(push, Typing):
            for socket in self._hearing(push.chat_id):
                if socket.user_id != push.user_id:
                    socket.hear_typing(push)
        elif isinstance(push, AlertChanged):
            for socket in self._hearing(push.chat_id):
                socket.hear_alert(push)
        elif isinstance(push, Notified):
            user = self._users.get(push.user_id)
            for socket in [*user.sockets] if user is not None else []:
                socket.hear_notification(push)
        elif isinstance(push, Unsure) and (stream := self._streams.get(push.chat_id)):
            stream.suspect()

    def type(self, typing: Typing) -> None:
        """A participant types or has stopped; it expires by itself."""
        if self._open_between(typing.chat_id) and self._typing.note(typing):
            self.publish([typing])

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
        for chat_id in self._streams_of.get(user_id, ()):
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

    # --- who hears ----------------------------------------------------------------------------

    def join_chat(self, socket: Socket, chat_id: str) -> ChatStream:
        """Register a chat socket, before it reads where the chat stands."""
        self._chat_sockets.setdefault(chat_id, set()).add(socket)
        return self._open(chat_id)

    def start_chat(self, chat_id: str, last_seq: int, bar: Bar | None) -> None:
        """Begin a chat's stream after `last_seq`, read after the stream was registered.

        Where someone heard before the chat was made, it begins at its first event: its push may
        still be on its way, and theirs to hear.
        """
        stream = self._open(chat_id)
        if self._takes_up(chat_id):
            stream.start(0, bar)
            stream.suspect()
        else:
            stream.start(last_seq, bar)

    def leave_chat(self, socket: Socket, chat_id: str) -> None:
        sockets = self._chat_sockets.get(chat_id)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._chat_sockets[chat_id]
        self._drop_unheard([chat_id])

    def join_user(self, socket: Socket) -> None:
        """Register a user socket, before it reads which chats there are."""
        self._users.setdefault(socket.user_id, _User()).sockets.add(socket)

    def start_user(self, user_id: str, chats: Iterable[Position]) -> None:
        """Begin the streams of a user's chats, each after the `last_seq` just read.

        A chat that was heard of meanwhile and is not among them was made meanwhile.
        """
        user = self._users.get(user_id)
        if user is None:
            return
        user.opened = True
        made_meanwhile = set(user.chats)
        for chat_id, last_seq, bar in chats:
            made_meanwhile.discard(chat_id)
            user.chats.add(chat_id)
            self.start_chat(chat_id, last_seq, bar)
        for chat_id in made_meanwhile:
            self._open(chat_id).start(0)

    def leave_user(self, socket: Socket) -> None:
        user = self._users.get(socket.user_id)
        if user is None:
            return
        user.sockets.discard(socket)
        if not user.sockets:
            del self._users[socket.user_id]
            self._drop_unheard(user.chats)

    def stream(self, chat_id: str) -> ChatStream | None:
        return self._streams.get(chat_id)

    def _open(self, chat_id: str) -> ChatStream:
        stream = self._streams.get(chat_id)
        if stream is None:
            stream = ChatStream(
                chat_id, read=self._read, deliver=self._deliver, late=self._late, lost=self._lose
            )
            self._streams[chat_id] = stream
            for user_id in parse_chat_id(chat_id) or ():
                self._streams_of.setdefault(user_id, set()).add(chat_id)
        return stream

    def _stream_of(self, chat_id: str) -> ChatStream | None:
        """The chat's stream, where anyone hears it; None else.

        While it is still being read where the chat stands, its pushes wait.
        """
        begins = self._takes_up(chat_id)
        stream = self._streams.get(chat_id)
        if stream is None and self._users_of(chat_id):
            stream = self._open(chat_id)
        if stream is not None and begins:
            stream.start(0)
        return stream

    def _takes_up(self, chat_id: str) -> bool:
        """Add the chat to those of its connected users; whether it is new to one of them.

        New means that it was not there when it was read which chats they have: it was made since,
        and they hear it from its first event.
        """
        new = False
        for user in self._users_of(chat_id):
            new = new or (user.opened and chat_id not in user.chats)
            user.chats.add(chat_id)
        return new

    def _users_of(self, chat_id: str) -> list[_User]:
        return [
            self._users[user_id]
            for user_id in parse_chat_id(chat_id) or ()
            if user_id in self._users
        ]

    def _drop_unheard(self, chat_ids: Iterable[str]) -> None:
        for chat_id in chat_ids:
            heard = chat_id in self._chat_sockets or any(
                user_id in self._users and chat_id in self._users[user_id].chats
                for user_id in parse_chat_id(chat_id) or ()
            )
            if not heard:
                self._drop(chat_id)

    def _drop(self, chat_id: str) -> None:
        stream = self._streams.pop(chat_id, None)
        if stream is None:
            return
        stream.close()
        for user_id in parse_chat_id(chat_id) or ():
            chats = self._streams_of.get(user_id, set())
            chats.discard(chat_id)
            if not chats:
                self._streams_of.pop(user_id, None)

    def _deliver(self, arrival: Arrival) -> None:
        for socket in self._hearing(arrival.chat_id):
            try:
                socket.arrive(arrival)
            except Exception:
                # It would hear the next one and never miss this: end it, so that it resumes.
                log.error("hub.socket_broke", exc_info=True, chat_id=arrival.chat_id)
                socket.close(GOING_AWAY, "resume")
        bar = arrival.chat.standing.bar
        stream = self._streams.get(arrival.chat_id)
        if stream is not None and stream.bar != bar:
            self._heed(arrival.chat_id, bar)

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

    def _hearing(self, chat_id: str) -> list[Socket]:
        """The sockets that hear a chat now; a copy, since hearing may end a socket."""
        sockets = [*self._chat_sockets.get(chat_id, ())]
        for user_id in parse_chat_id(chat_id) or ():
            user = self._users.get(user_id)
            if user is not None:
                sockets.extend(user.sockets)
        return sockets
