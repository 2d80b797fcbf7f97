"""What a client sees: one struct each for REST, frames and both documents.

Field names and their meaning are the wire contract's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from therapyconnect.attachments.shapes import AttachmentState
from therapyconnect.core.clock import At
from therapyconnect.crisis.resources import CrisisResource

MessageKind = Literal["text", "image", "file", "system", "appointment", "prescription"]
SentKind = Literal["text", "image", "file", "appointment", "prescription"]
ReadStatus = Literal["sent", "delivered", "read"]
ChatStatus = Literal["active", "archived", "blocked", "deleted"]
RoomKind = Literal["therapy", "consultation", "emergency", "general"]
AlertState = Literal["raised", "delivered", "acknowledged", "resolved", "exhausted"]
AppointmentAnswer = Literal["accept", "decline", "reschedule", "cancel"]

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
    attachment_state: AttachmentState | None = None
    payload: dict[str, Any] | None = None
    read_status: ReadStatus = "sent"
    delivered_at: At | None = None
    read_at: At | None = None
    read_by: str | None = None
    reply_to: str | None = None
    reply_to_text: str | None = None
    edited: bool = False
    edited_at: At | None = None
    deleted: bool = False
    deleted_at: At | None = None
    deleted_by: str | None = None
    timestamp: At


class EmergencyAlert(msgspec.Struct, kw_only=True):
    """A patient's call for a person, and only what has truly happened to it.

    `raised`, then `delivered` (a device of the therapist's confirmed), `acknowledged` (a person
    takes it), `resolved`; or `exhausted`: nobody took it in time, or nobody is there to.
    """

    id: str
    chat_id: str
    message_id: str
    state: AlertState
    raised_at: At
    delivered_at: At | None = None
    acknowledged_at: At | None = None
    acknowledged_by: str | None = None
    resolved_at: At | None = None
    exhausted_at: At | None = None


class SentMessage(Message, kw_only=True):
    """A message as its sender is answered; the two last fields for a patient's emergency only."""

    crisis_resources: list[CrisisResource] | UnsetType = UNSET
    emergency_alert: EmergencyAlert | UnsetType | None = UNSET


def sent_message(message: Message, **extras: Any) -> SentMessage:
    """The message as its sender is answered."""
    return SentMessage(**msgspec.structs.asdict(message), **extras)


class MessageVersion(msgspec.Struct, kw_only=True):
    """What a message said before an edit; `version` counts from 1."""

    version: int
    text: str
    payload: dict[str, Any] | None
    written_at: At
    replaced_at: At


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
    room_type: RoomKind
    description: str
    tags: list[str]
    is_active: bool
    therapist_can_send: bool
    patient_can_send: bool
    therapist_can_see_history: bool
    patient_can_see_history: bool
    created_at: At
    updated_at: At


class RoomSummary(msgspec.Struct, kw_only=True):
    id: str
    chat_id: str
    room_type: RoomKind
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
    last_message_timestamp: At | None
    last_message_sender_id: str | None
    therapist_unread_count: int
    patient_unread_count: int
    therapist_notifications: bool
    patient_notifications: bool
    marked_unread: bool
    created_at: At
    updated_at: At


class Participant(msgspec.Struct, kw_only=True):
    """`online` is null where the two are kept apart (blocked, or the relationship ended)."""

    id: str
    role: Literal["therapist", "patient"]
    first_name: str
    last_name: str
    full_name: str
    online: bool | None = None


class ChatDetail(Chat, kw_only=True):
    other_participant: Participant
    unread_count: int
    last_seq: int
    receipts: Receipts
    room: Room
    relationship_active: bool


class AdminChat(msgspec.Struct, kw_only=True):
    """What an administrator may know of a chat: that it exists, its status, its room's id."""

    id: str
    therapist_id: str
    patient_id: str
    status: ChatStatus
    room: RoomSummary
    created_at: At
    updated_at: At


EventType = Literal[
    "message_created",
    "message_edited",
    "message_deleted",
    "message_restored",
    "emergency_flagged",
    "status_changed",
    "room_changed",
    "hidden",
]


class Event(msgspec.Struct, kw_only=True):
    """One durable change of a chat: what it was about, as that stands now.

    `message`, `chat` or `room` by its type. A `hidden` one has nothing but its place.
    """

    seq: int
    type: EventType
    at: At | UnsetType = UNSET
    actor_id: str | UnsetType | None = UNSET
    message: Message | UnsetType = UNSET
    chat: ChatDetail | UnsetType = UNSET
    room: Room | UnsetType = UNSET


class Events(msgspec.Struct):
    events: list[Event]
    last_seq: int
    receipts: Receipts


class CareRelationship(msgspec.Struct, kw_only=True):
    """A therapist cares for a patient, from `started_at` until `ended_at`."""

    id: str
    therapist_id: str
    patient_id: str
    therapist_full_name: str
    patient_full_name: str
    started_at: At
    ended_at: At | None
    active: bool
