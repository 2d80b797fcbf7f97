"""What a user socket says. Those with a number are a chat's events; the others are hints.

A type that this version does not know becomes an `Unknown`: where it has a number, the order goes
on with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from therapyconnect_client.shapes import (
    ChatDetail,
    CrisisResource,
    EmergencyAlert,
    Message,
    Notification,
    Receipts,
    Shape,
)


class Frame(Shape, kw_only=True):
    ref: str | int | None = None


class Numbered(Frame, kw_only=True):
    """An event of a chat: each comes once, in the order of `seq`."""

    chat_id: str
    seq: int = 0


class _Told(Numbered, kw_only=True):
    message: Message

    def __post_init__(self) -> None:
        self.seq = self.message.seq


class ChatMessage(_Told, kw_only=True):
    """One's own message, from whichever device."""


class NewMessage(_Told, kw_only=True):
    """The other's message. `notify` is false where its reader muted the chat."""

    sender_name: str = ""
    notify: bool = True


class EmergencyMessage(_Told, kw_only=True):
    """The other's urgent message: to be told also where the chat is muted."""

    sender_name: str = ""


class MessageEdited(Numbered, kw_only=True):
    """Other words; `new_text` is null where still later ones replaced them."""

    message_id: str
    new_text: str | None = None
    edited_at: datetime | None = None
    payload: dict[str, Any] | None = None


class MessageDeleted(Numbered, kw_only=True):
    message_id: str
    deleted_at: datetime | None = None


class MessageRestored(Numbered, kw_only=True):
    message_id: str
    message: Message


class EmergencyFlagged(Numbered, kw_only=True):
    """A message was marked urgent after it was sent."""

    message_id: str


class ChatUpdated(Numbered, kw_only=True):
    """Status, room or permissions changed: the chat as it stands now."""

    chat: ChatDetail


class Hidden(Numbered, kw_only=True):
    """The place of what one may not see."""


class Unknown(Frame, kw_only=True):
    """A type of a later version."""

    type: str
    chat_id: str | None = None
    seq: int | None = None


class EmergencyUpdated(Frame, kw_only=True):
    """An alert has a new state."""

    chat_id: str
    emergency_alert: EmergencyAlert


class MessageReadReceipt(Frame, kw_only=True):
    """Somebody has read up to `seq`."""

    chat_id: str
    seq: int
    user_id: str
    message_id: str | None = None
    read_at: datetime


class MessageDeliveredReceipt(Frame, kw_only=True):
    """A device of somebody's has everything up to `seq`."""

    chat_id: str
    seq: int
    user_id: str
    message_id: str | None = None
    delivered_at: datetime


class TypingIndicator(Frame, kw_only=True):
    chat_id: str
    user_id: str
    is_typing: bool


class Presence(Frame, kw_only=True):
    chat_id: str
    user_id: str
    online: bool


class Notified(Frame, kw_only=True):
    """A notification of one's own."""

    notification: Notification


class ConnectionEstablished(Frame, kw_only=True):
    user_id: str
    heartbeat_seconds: float = 20


class Resumed(Frame, kw_only=True):
    """The replay of a chat is complete."""

    chat_id: str
    last_seq: int
    receipts: Receipts
    gap: bool = False


class Refusal(Frame, kw_only=True):
    """What was asked on the socket was refused."""

    code: str
    chat_id: str | None = None
    retry_after: float | None = None
    crisis_resources: tuple[CrisisResource, ...] = ()


class Pong(Frame, kw_only=True):
    pass


Sequenced: TypeAlias = (
    ChatMessage | NewMessage | EmergencyMessage | MessageEdited | MessageDeleted | MessageRestored
    | EmergencyFlagged | ChatUpdated | Hidden | Unknown
)  # fmt: skip

_KINDS: dict[str, type[Frame]] = {
    "chat_message": ChatMessage,
    "new_message": NewMessage,
    "emergency_message": EmergencyMessage,
    "message_edited": MessageEdited,
    "message_deleted": MessageDeleted,
    "message_restored": MessageRestored,
    "emergency_flagged": EmergencyFlagged,
    "chat_updated": ChatUpdated,
    "hidden": Hidden,
    "emergency_updated": EmergencyUpdated,
    "message_read_receipt": MessageReadReceipt,
    "message_delivered_receipt": MessageDeliveredReceipt,
    "typing_indicator": TypingIndicator,
    "presence": Presence,
    "notification": Notified,
    "connection_established": ConnectionEstablished,
    "resumed": Resumed,
    "error": Refusal,
    "pong": Pong,
}
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in _KINDS.items()}
_unknown = msgspec.json.Decoder(Unknown)


def decode(text: str | bytes) -> Frame:
    """The frame; `msgspec.DecodeError` for what is none.

    One that is otherwise than its type says is an `Unknown`, too.
    """
    head = _unknown.decode(text)
    decoder = _decoders.get(head.type)
    try:
        return head if decoder is None else decoder.decode(text)
    except msgspec.ValidationError:
        return head
