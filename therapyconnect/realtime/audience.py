"""Who hears which chat: sockets by chat and by user, and the streams that they hear."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from therapyconnect.core.hub import AlertChanged, AttachmentChanged, Notified, ReceiptMoved, Typing
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.messaging.policies.standing import Bar
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.positions import Position
from therapyconnect.realtime.events import Arrival
from therapyconnect.realtime.streams import ChatStream, ReadEvents


class Socket(Protocol):
    """What the hub needs of a connected socket. None of these may block."""

    user_id: str

    def arrive(self, arrival: Arrival) -> None: ...
    def hear_receipt(self, receipt: ReceiptMoved) -> None: ...
    def hear_typing(self, typing: Typing) -> None: ...
    def hear_presence(self, chat_id: str, user_id: str, online: bool) -> None: ...
    def hear_alert(self, change: AlertChanged) -> None: ...
    def hear_attachment(self, change: AttachmentChanged) -> None: ...
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


class Audience:
    """A stream lives as long as anyone hears it. What it delivers is for who inherits this."""

    def __init__(self, read: ReadEvents) -> None:
        self._read = read
        self._streams: dict[str, ChatStream] = {}
        self._chat_sockets: dict[str, set[Socket]] = {}
        self._users: dict[str, _User] = {}
        # Of each user of an open stream, the chats of theirs that have one.
        self._streams_of: dict[str, set[str]] = {}

    def _deliver(self, arrival: Arrival) -> None:
        """Take the next event of a chat."""
        raise NotImplementedError

    def _late(self, arrival: Arrival) -> None:
        """Take an event that was read before its push came."""
        raise NotImplementedError

    def _stood(self, chat: ChatAccess) -> None:
        """Take how a chat was just found to stand, with nothing new in it."""
        raise NotImplementedError

    def _lose(self, chat_id: str) -> None:
        """A stream can't go on."""
        raise NotImplementedError

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
                chat_id,
                read=self._read,
                deliver=self._deliver,
                late=self._late,
                stood=self._stood,
                lost=self._lose,
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

    def _hearing(self, chat_id: str) -> list[Socket]:
        """The sockets that hear a chat now; a copy, since hearing may end a socket."""
        sockets = [*self._chat_sockets.get(chat_id, ())]
        for user_id in parse_chat_id(chat_id) or ():
            user = self._users.get(user_id)
            if user is not None:
                sockets.extend(user.sockets)
        return sockets
