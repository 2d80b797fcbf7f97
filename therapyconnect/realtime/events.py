"""An event on its way to many sockets: encoded once for each kind of reader."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from therapyconnect.core.errors import Damaged
from therapyconnect.core.hub import Happened
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.selectors.messages import see
from therapyconnect.messaging.services.requests import Changed, Sent
from therapyconnect.messaging.shapes import Message
from therapyconnect.realtime import frames
from therapyconnect.realtime.frames import Ref, Said, encode


class Origin:
    """The request that an event answers: which socket asked, with which `ref`."""

    __slots__ = ("ref", "socket")

    def __init__(self, socket: Any, ref: Ref | None) -> None:
        self.socket = socket
        self.ref = ref


class Arrival:
    """One event of a chat's stream. `chat` tells who may see what of it."""

    __slots__ = (
        "_body",
        "_encoded",
        "answer",
        "chat",
        "chat_id",
        "happening",
        "origin",
        "plain",
        "seq",
    )

    def __init__(
        self,
        happening: Happening,
        chat: ChatAccess,
        origin: object = None,
        answer: Sent | Changed | None = None,
    ) -> None:
        self.chat_id = chat.id
        self.seq = happening.seq
        self.happening = happening
        self.chat = chat
        self.origin = origin if isinstance(origin, Origin) else None
        self.answer = answer
        self.plain = happening.type == "message_created" and not (
            chat.therapist_hidden_seq or chat.patient_hidden_seq
        )
        """A new message that both see alike: nearly every arrival."""
        self._body: msgspec.Raw | None = None
        self._encoded: dict[str, list[bytes]] = {}

    @classmethod
    def of(cls, push: Happened) -> Arrival:
        return cls(push.happening, push.chat, push.origin, push.answer)

    def asked_by(self, socket: object) -> Origin | None:
        """The request that this answers, where `socket` is the one that made it."""
        origin = self.origin
        return origin if origin is not None and origin.socket is socket else None

    def frames_for(self, user_id: str, *, on_user_socket: bool) -> list[bytes]:
        """As a socket of `user_id` hears it; encoded once for all that hear the same."""
        key = user_id if on_user_socket else "chat" if self.plain else f"chat:{user_id}"
        found = self._encoded.get(key)
        if found is None:
            said = self._said(user_id, on_user_socket=on_user_socket)
            found = self._encoded[key] = [encode(frame) for frame in said]
        return found

    def answer_for(
        self, user_id: str, *, on_user_socket: bool, ref: Ref | None, extras: dict[str, Any]
    ) -> list[bytes]:
        """The same to the socket that asked: the first frame is its answer.

        Who sent a message is acked with it, also where what they said is hidden from them by now.
        """
        message = self.happening.message
        if self.happening.type == "message_created" and message is not None:
            body = extras.pop("message", None) or self._raw(message, user_id)
            scope = self.chat_id if on_user_socket else UNSET
            said: list[Said] = [frames.ChatMessageSaid(message=body, chat_id=scope, **extras)]
        else:
            said = self._said(user_id, on_user_socket=on_user_socket)
        if ref is not None:
            said[0].ref = ref
        return [encode(frame) for frame in said]

    def _said(self, user_id: str, *, on_user_socket: bool) -> list[Said]:
        happening, chat = self.happening, self.chat
        scope: str | UnsetType = chat.id if on_user_socket else UNSET
        message = happening.message
        if self.plain and message is not None:
            return [self._created(message, user_id, scope, on_user_socket=on_user_socket)]
        if message is None:
            if happening.chats is None:
                # Who hears it must not go on as if nothing had been: end the socket, to resume.
                raise Damaged("a chat that was changed can't be shown")
            detail = happening.chats[user_id]
            return [frames.ChatUpdatedSaid(chat=detail, seq=happening.seq, chat_id=scope)]
        hidden_seq = chat.hidden_seq_of(user_id)
        if not can_see(message.seq, hidden_seq):
            return [frames.HiddenSaid(seq=happening.seq, chat_id=chat.id)]
        if happening.type == "message_created":
            return [self._created(message, user_id, scope, on_user_socket=on_user_socket)]
        seen = see(message, chat=chat, viewer_id=user_id)
        return _changed(happening, seen, user_id, scope, on_user_socket=on_user_socket)

    def _created(
        self,
        message: Message,
        user_id: str,
        scope: str | UnsetType,
        *,
        on_user_socket: bool,
    ) -> Said:
        body = self._raw(message, user_id)
        if not on_user_socket or message.sender_id == user_id:
            return frames.ChatMessageSaid(message=body, chat_id=scope)
        urgent = message.emergency and not self.happening.flagged_later
        return _news(message, body, self.chat, user_id, urgent=urgent)

    def _raw(self, message: Message, user_id: str) -> msgspec.Raw:
        """The message encoded: once for all, save where one may see less of it."""
        if not self.plain and self.chat.hidden_seq_of(user_id):
            return msgspec.Raw(encode(see(message, chat=self.chat, viewer_id=user_id)))
        if self._body is None:
            self._body = msgspec.Raw(encode(message))
        return self._body


def _news(
    message: Message, body: msgspec.Raw, chat: ChatAccess, user_id: str, *, urgent: bool
) -> frames.NewMessageSaid | frames.EmergencyMessageSaid:
    """The other's message (or the server's), as a user socket gets it."""
    if urgent:
        return frames.EmergencyMessageSaid(
            message=body, chat_id=chat.id, sender_name=message.sender_name
        )
    return frames.NewMessageSaid(
        message=body,
        chat_id=chat.id,
        sender_name=message.sender_name,
        notify=chat.notifies(user_id),
    )


def _changed(
    happening: Happening,
    message: Message,
    user_id: str,
    scope: str | UnsetType,
    *,
    on_user_socket: bool,
) -> list[Said]:
    common: dict[str, Any] = {"message_id": message.id, "seq": happening.seq, "chat_id": scope}
    if happening.type == "message_edited":
        current = happening.current and not message.deleted
        return [
            frames.MessageEditedSaid(
                new_text=message.text if current else None,
                edited_at=message.edited_at,
                payload=message.payload if current and message.payload is not None else UNSET,
                **common,
            )
        ]
    if happening.type == "message_deleted":
        return [frames.MessageDeletedSaid(deleted_at=message.deleted_at, **common)]
    if happening.type == "message_restored":
        return [frames.MessageRestoredSaid(message=message, **common)]
    flagged: list[Said] = [frames.EmergencyFlaggedSaid(**common)]
    if on_user_socket and message.sender_id != user_id:
        flagged.append(
            frames.EmergencyMessageSaid(
                message=message, sender_name=message.sender_name, chat_id=message.chat_id
            )
        )
    return flagged
