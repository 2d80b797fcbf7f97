"""What a client may send: the body of each write, closed to fields that nobody knows."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from therapyconnect.core.clock import At
from therapyconnect.messaging.shapes import (
    AppointmentAnswer,
    ChatStatus,
    ClientMessageId,
    RoomKind,
    SentKind,
    Seq,
    Text,
)


class MessageCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A message to send. `sender_id` and `user_id` are optional and can only be the caller."""

    chat_id: str
    text: Text
    message_type: SentKind = "text"
    emergency: bool = False
    reply_to: str | None = None
    client_message_id: ClientMessageId | None = None
    attachment_id: str | None = None
    payload: dict[str, Any] | None = None
    sender_id: str | None = None
    user_id: str | None = None


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


class StatusUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The status wanted: sets or lifts what the caller may."""

    status: ChatStatus
    user_id: str | None = None


class MessageEdit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    text: Text
    user_id: str | None = None


class AppointmentReply(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An answer to an appointment; times only with `reschedule`."""

    answer: AppointmentAnswer
    start: At | None = None
    end: At | None = None
    time_zone: str | None = None
    user_id: str | None = None


class RoomUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a room to change; what is left out stays."""

    room_type: RoomKind | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=2_000)] | UnsetType = UNSET
    tags: (
        Annotated[list[Annotated[str, Meta(min_length=1, max_length=50)]], Meta(max_length=20)]
        | UnsetType
    ) = UNSET
    user_id: str | None = None


class RoomPermissions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who may send and who may see history; what is left out stays."""

    therapist_can_send: bool | UnsetType = UNSET
    patient_can_send: bool | UnsetType = UNSET
    therapist_can_see_history: bool | UnsetType = UNSET
    patient_can_see_history: bool | UnsetType = UNSET
    user_id: str | None = None


class Search(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Words to look for in the caller's own chats: in a body, since URLs end up in logs."""

    q: Annotated[str, Meta(min_length=1, max_length=200)]
    chat_id: str | None = None
    user_id: str | None = None


class CareBegin(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is to care for whom from now on."""

    therapist_id: str
    patient_id: str
    user_id: str | None = None
