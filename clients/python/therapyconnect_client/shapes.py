"""What the server tells of: chats, messages, rooms, alerts. Field names are the wire's.

Open on purpose: a field that this version does not know is passed over, and what may get new values
(`message_type`, `status`, `state`) is a plain text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Shape(msgspec.Struct, kw_only=True):
    """Its `repr` names it by its id and numbers, and never says a word of what it holds."""

    def __repr__(self) -> str:
        known = ((name, getattr(self, name, None)) for name in ("id", "chat_id", "seq", "state"))
        said = " ".join(f"{name}={value}" for name, value in known if value is not None)
        return f"<{type(self).__name__} {said}>"


class CrisisResource(msgspec.Struct, frozen=True):
    """One service to turn to; `text` says how to write to it."""

    name: str
    phone: str | None = None
    text: str | None = None
    url: str | None = None
    region: str = ""
    hours: str | None = None


class EmergencyAlert(Shape, kw_only=True):
    """A patient's call for a person, and only what has truly happened to it."""

    id: str
    state: str
    raised_at: datetime
    chat_id: str | None = None
    message_id: str | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    exhausted_at: datetime | None = None


class Message(Shape, kw_only=True):
    """One message, as one participant sees it. `text` is null once it was deleted."""

    id: str
    chat_id: str
    seq: int
    changed_seq: int
    client_message_id: str | None = None
    sender_id: str | None = None
    sender_name: str = ""
    text: str | None = None
    message_type: str = "text"
    emergency: bool = False
    attachment_url: str | None = None
    attachment_name: str | None = None
    attachment_size: int | None = None
    payload: dict[str, Any] | None = None
    read_status: str = "sent"
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


class SentMessage(Message, kw_only=True):
    """A message as its sender is answered; the two last are for a patient's emergency."""

    crisis_resources: tuple[CrisisResource, ...] = ()
    emergency_alert: EmergencyAlert | None = None


class MessageVersion(Shape, kw_only=True):
    """What a message said before an edit; `version` counts from 1."""

    version: int
    text: str
    payload: dict[str, Any] | None = None
    written_at: datetime
    replaced_at: datetime


class Horizons(msgspec.Struct):
    """How far one participant's devices have received and read."""

    delivered_seq: int
    read_seq: int


class Receipts(msgspec.Struct):
    therapist: Horizons
    patient: Horizons


class Room(Shape, kw_only=True):
    id: str
    chat_id: str
    room_type: str
    description: str = ""
    tags: list[str] = []
    is_active: bool
    therapist_can_send: bool = True
    patient_can_send: bool = True
    therapist_can_see_history: bool = True
    patient_can_see_history: bool = True
    created_at: datetime | None = None
    updated_at: datetime | None = None


class Chat(Shape, kw_only=True):
    """A chat as it stands in a list."""

    id: str
    therapist_id: str
    patient_id: str
    therapist_first_name: str = ""
    therapist_last_name: str = ""
    therapist_full_name: str = ""
    patient_first_name: str = ""
    patient_last_name: str = ""
    patient_full_name: str = ""
    status: str
    last_message_text: str | None = None
    last_message_timestamp: datetime | None = None
    last_message_sender_id: str | None = None
    therapist_unread_count: int = 0
    patient_unread_count: int = 0
    therapist_notifications: bool = True
    patient_notifications: bool = True
    marked_unread: bool = False
    created_at: datetime
    updated_at: datetime


class Participant(Shape, kw_only=True):
    """`online` is null where the two are kept apart."""

    id: str
    role: str
    first_name: str = ""
    last_name: str = ""
    full_name: str = ""
    online: bool | None = None


class ChatDetail(Chat, kw_only=True):
    other_participant: Participant
    unread_count: int
    last_seq: int
    receipts: Receipts
    room: Room
    relationship_active: bool = True


class Event(Shape, kw_only=True):
    """One durable change of a chat: what it was about, as that stands now."""

    seq: int
    type: str
    at: datetime | None = None
    actor_id: str | None = None
    message: Message | None = None
    chat: ChatDetail | None = None
    room: Room | None = None


class Events(msgspec.Struct):
    events: list[Event]
    last_seq: int
    receipts: Receipts


class Notification(Shape, kw_only=True):
    id: str
    kind: str
    level: str
    title: str
    body: str = ""
    created_at: datetime
    read_at: datetime | None = None


class Attachment(Shape, kw_only=True):
    """A file of a chat; its bytes may be had once `state` says so."""

    id: str
    state: str
    name: str = ""
    size: int = 0
    content_type: str = ""


class Me(Shape, kw_only=True):
    id: str
    role: str
    full_name: str = ""
    mfa_enrolled: bool = False


class Page(msgspec.Struct, Generic[T]):
    results: list[T]
    next: str | None = None
    previous: str | None = None
