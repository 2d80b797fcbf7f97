"""A message on its way to many sockets: encoded once, framed once for each kind of reader."""

from __future__ import annotations

from typing import Any

import msgspec

from therapyconnect.core.hub import MessageCreated
from therapyconnect.messaging.shapes import Message
from therapyconnect.realtime.frames import (
    ChatMessageSaid,
    EmergencyMessageSaid,
    NewMessageSaid,
    Ref,
    encode,
)


class Origin:
    """The request that an event answers: which socket asked, with which `ref`."""

    __slots__ = ("ref", "socket")

    def __init__(self, socket: Any, ref: Ref | None) -> None:
        self.socket = socket
        self.ref = ref


class Arrival:
    """One event of a chat's stream."""

    __slots__ = ("_body", "_chat", "_other", "_own", "chat_id", "message", "origin", "seq")

    def __init__(self, message: Message, origin: object = None) -> None:
        self.chat_id = message.chat_id
        self.seq = message.seq
        self.message = message
        self.origin = origin if isinstance(origin, Origin) else None
        self._body: msgspec.Raw | None = None
        self._chat: bytes | None = None
        self._own: bytes | None = None
        self._other: bytes | None = None

    @classmethod
    def of(cls, push: MessageCreated) -> Arrival:
        return cls(push.message, push.origin)

    def ref_for(self, socket: object) -> Ref | None:
        """The `ref` to ack with, where `socket` is the one that asked."""
        origin = self.origin
        return origin.ref if origin is not None and origin.socket is socket else None

    def chat_frame(self, ref: Ref | None = None) -> bytes:
        """As a chat socket gets it."""
        if ref is not None:
            return encode(ChatMessageSaid(message=self._raw(), ref=ref))
        if self._chat is None:
            self._chat = encode(ChatMessageSaid(message=self._raw()))
        return self._chat

    def user_frame(self, user_id: str, ref: Ref | None = None) -> bytes:
        """As a socket of `user_id` gets it: one's own as `chat_message`, the other's as news."""
        message = self.message
        if message.sender_id == user_id:
            if ref is not None:
                return encode(ChatMessageSaid(message=self._raw(), chat_id=self.chat_id, ref=ref))
            if self._own is None:
                self._own = encode(ChatMessageSaid(message=self._raw(), chat_id=self.chat_id))
            return self._own
        if self._other is None:
            kind = EmergencyMessageSaid if message.emergency else NewMessageSaid
            self._other = encode(
                kind(message=self._raw(), chat_id=self.chat_id, sender_name=message.sender_name)
            )
        return self._other

    def _raw(self) -> msgspec.Raw:
        if self._body is None:
            self._body = msgspec.Raw(encode(self.message))
        return self._body
