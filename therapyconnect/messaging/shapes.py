"""What a client sees: one struct each for REST, frames and both documents.

Field names and their meaning are the wire contract's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MessageKind = Literal["text", "image", "file", "system", "appointment", "prescription"]
SentKind = Literal["text", "image", "file", "appointment", "prescription"]
ReadStatus = Literal["sent", "delivered", "read"]
ChatStatus = Literal["active", "archived", "blocked", "deleted"]

MAX_TEXT = 10_000
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
ClientMessageId = Annotated[str, Meta(min_length=1, max_length=64)]
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Message(msgspec.Struct, kw_only=True):
    """One message, as one participant sees it."""

    id: str
    chat_id: str
    seq: int
    changed_seq: int
    client_message_id: str | None
    sender_id: str | None
    sender_name: str
    text: str | None
    message_type: MessageKind
    emergency: bool
    attachment_url: str | None = None
    attachment_name: str | None = None
    attachment_size: int | None = None
    payload: dict[str, Any] | None = None
    read_status: ReadStatus = "sent"
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    read_by: str | None = None
    reply_to: str | None = None
    reply_to_text: str | None = None
    edited: bool = False
    edited_at: datetime | None = None
    deleted: bool = False
    deleted_at: datetime | None = None
    deleted_by: str | None = None
    timestamp: datetime


class Horizons(msgspec.Struct):
    """How far one participant's devices have received and read, as sequence numbers."""

    delivered_seq: int
    read_seq: int


class Receipts(msgspec.Struct):
    therapist: Horizons
    patient: Horizons


class Room(msgspec.Struct, kw_only=True):
    id: str
    chat_id: str
    room_type: Literal["therapy", "consultation", "emergency", "general"]
    description: str
    tags: list[str]
    is_active: bool
    therapist_can_send: bool
    patient_can_send: bool
    therapist_can_see_history: bool
    patient_can_see_history: bool
    created_at: datetime
    updated_at: datetime


class RoomSummary(msgspec.Struct, kw_only=True):
    id: str
    chat_id: str
    room_type: Literal["therapy", "consultation", "emergency", "general"]
    is_active: bool


class Chat(msgspec.Struct, kw_only=True):
    """A chat as it stands in a list. `last_message_text` is null where it was deleted."""

    id: str
    therapist_id: str
    patient_id: str
    therapist_first_name: str
    therapist_last_name: str
    therapist_full_name: str
    patient_first_name: str
    patient_last_name: str
    patient_full_name: str
    status: ChatStatus
    last_message_text: str | None
    last_message_timestamp: datetime | None
    last_message_sender_id: str | None
    therapist_unread_count: int
    patient_unread_count: int
    therapist_notifications: bool
    patient_notifications: bool
    marked_unread: bool
    created_at: datetime
    updated_at: datetime


class Participant(msgspec.Struct, kw_only=True):
    id: str
    role: Literal["therapist", "patient"]
    first_name: str
    last_name: str
    full_name: str


class ChatDetail(Chat, kw_only=True):
    other_participant: Participant
    unread_count: int
    last_seq: int
    receipts: Receipts
    room: Room


class AdminChat(msgspec.Struct, kw_only=True):
    """What an administrator may know of a chat: that it exists, its status, its room's id."""

    id: str
    therapist_id: str
    patient_id: str
    status: ChatStatus
    room: RoomSummary
    created_at: datetime
    updated_at: datetime


EventType = Literal["message_created"]


class Event(msgspec.Struct, kw_only=True):
    """One durable change of a chat, as it stands now."""

    seq: int
    type: EventType
    at: datetime
    actor_id: str | None
    message: Message


class Events(msgspec.Struct):
    events: list[Event]
    last_seq: int
    receipts: Receipts


class MessageCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to send. `sender_id` is optional and can only be the caller."""

    chat_id: str
    text: Text
    message_type: SentKind = "text"
    emergency: bool = False
    reply_to: str | None = None
    client_message_id: ClientMessageId | None = None
    attachment_id: str | None = None
    payload: dict[str, Any] | None = None
    sender_id: str | None = None


class ChatCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The pair to chat; `user_id` is optional and can only be the caller."""

    therapist_id: str
    patient_id: str
    user_id: str | None = None


class NotificationPreference(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    notifications_enabled: bool
    user_id: str | None = None


class MarkAllRead(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How far the caller has read; without `up_to_seq`, everything."""

    up_to_seq: Seq | None = None
    user_id: str | None = None


class Nothing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A body that may be empty; `user_id` is optional and can only be the caller."""

    user_id: str | None = None
