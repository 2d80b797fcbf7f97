"""One of each frame, built from the types themselves: an example can't outlive its fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from therapyconnect.attachments.shapes import Attachment
from therapyconnect.crisis.resources import CrisisResource
from therapyconnect.messaging.shapes import (
    ChatDetail,
    EmergencyAlert,
    Horizons,
    Message,
    Participant,
    Receipts,
    Room,
)
from therapyconnect.notifications.shapes import Notification
from therapyconnect.realtime import frames
from therapyconnect.realtime.asyncapi.channels import CHANNELS, Channel, Frame

THERAPIST: Final = "t_abc123"
PATIENT: Final = "p_xyz789"
CHAT_ID: Final = "CHAT_t_abc123_p_xyz789"
MESSAGE_ID: Final = "MSG_t_abc123_p_xyz789_7"
_AT: Final = datetime(2026, 3, 1, 9, 0, 0, 123456, tzinfo=UTC)
_LATER: Final = datetime(2026, 3, 1, 9, 2, 30, 654321, tzinfo=UTC)

_MESSAGE: Final = Message(
    id=MESSAGE_ID,
    chat_id=CHAT_ID,
    seq=7,
    changed_seq=7,
    client_message_id="0b6c3f6e-2f2b-4c55-8f2e-1d1a5c6f7a10",
    sender_id=PATIENT,
    sender_name="First Patient",
    text="Could we talk a little earlier tomorrow?",
    message_type="text",
    emergency=False,
    timestamp=_AT,
)
_URGENT: Final = msgspec.structs.replace(
    _MESSAGE, text="I am not doing well tonight.", emergency=True
)
_ALERT: Final = EmergencyAlert(
    id="EMG_t_abc123_p_xyz789_7",
    chat_id=CHAT_ID,
    message_id=MESSAGE_ID,
    state="raised",
    raised_at=_AT,
)
_TAKEN: Final = msgspec.structs.replace(
    _ALERT, state="acknowledged", acknowledged_at=_LATER, acknowledged_by=THERAPIST
)
_WHOM_TO_CALL: Final = [
    CrisisResource(
        name="Emergency services", phone="112", text=None, url=None, region="CH", hours="24/7"
    )
]
_RECEIPTS: Final = Receipts(
    therapist=Horizons(delivered_seq=7, read_seq=5), patient=Horizons(delivered_seq=7, read_seq=7)
)
_CHAT: Final = ChatDetail(
    id=CHAT_ID,
    therapist_id=THERAPIST,
    patient_id=PATIENT,
    therapist_first_name="First",
    therapist_last_name="Therapist",
    therapist_full_name="First Therapist",
    patient_first_name="First",
    patient_last_name="Patient",
    patient_full_name="First Patient",
    status="archived",
    last_message_text=_MESSAGE.text,
    last_message_timestamp=_AT,
    last_message_sender_id=PATIENT,
    therapist_unread_count=1,
    patient_unread_count=0,
    therapist_notifications=True,
    patient_notifications=True,
    marked_unread=False,
    created_at=_AT,
    updated_at=_LATER,
    other_participant=Participant(
        id=THERAPIST,
        role="therapist",
        first_name="First",
        last_name="Therapist",
        full_name="First Therapist",
        online=True,
    ),
    unread_count=0,
    last_seq=8,
    receipts=_RECEIPTS,
    room=Room(
        id="ROOM_t_abc123_p_xyz789",
        chat_id=CHAT_ID,
        room_type="therapy",
        description="",
        tags=[],
        is_active=True,
        therapist_can_send=True,
        patient_can_send=True,
        therapist_can_see_history=True,
        patient_can_see_history=True,
        created_at=_AT,
        updated_at=_AT,
    ),
    relationship_active=True,
)
_FILE: Final = Attachment(
    id="ATT_t_abc123_p_xyz789_0f1e2d3c4b5a69788796a5b4",
    state="ready",
    name="diary.pdf",
    size=48_213,
    content_type="application/pdf",
)
_NOTIFICATION: Final = Notification(
    id="NTF_5c1c2a0e9b7d4f3a8e6d1c20",
    kind="admin",
    level="warning",
    title="Maintenance on Sunday",
    body="Messages can't be sent between 02:00 and 03:00.",
    created_at=_AT,
)

EXAMPLES: Final[Mapping[Frame, tuple[msgspec.Struct, ...]]] = {
    frames.ChatMessageAsked: (
        frames.ChatMessageAsked(
            text="Could we talk a little earlier tomorrow?",
            client_message_id="0b6c3f6e-2f2b-4c55-8f2e-1d1a5c6f7a10",
            ref="r1",
        ),
        frames.ChatMessageAsked(text="I am not doing well tonight.", emergency=True, ref="r2"),
        frames.ChatMessageAsked(text="As you said:", reply_to=MESSAGE_ID, ref="r3"),
    ),
    frames.TypingAsked: (frames.TypingAsked(is_typing=True),),
    frames.MessageDeliveredAsked: (
        frames.MessageDeliveredAsked(message_id=MESSAGE_ID, ref="r4"),
        frames.MessageDeliveredAsked(seq=7, ref=5),
    ),
    frames.MessageReadAsked: (
        frames.MessageReadAsked(message_id=MESSAGE_ID, ref="r6"),
        frames.MessageReadAsked(seq=7, ref=7),
    ),
    frames.MessageEditedAsked: (
        frames.MessageEditedAsked(message_id=MESSAGE_ID, text="Could we talk at nine?", ref="r8"),
    ),
    frames.MessageDeletedAsked: (frames.MessageDeletedAsked(message_id=MESSAGE_ID, ref="r9"),),
    frames.ResumeAsked: (
        frames.ResumeAsked(after_seq=0, ref="r10"),
        frames.ResumeAsked(chats={CHAT_ID: 0}, ref="r10"),
    ),
    frames.AuthenticateAsked: (
        frames.AuthenticateAsked(token="<a fresh access token>", ref="r11"),  # noqa: S106
    ),
    frames.PingAsked: (frames.PingAsked(ref="r12"), frames.PingAsked()),
    frames.ConnectionEstablishedSaid: (
        frames.ConnectionEstablishedSaid(user_id=PATIENT, last_seq=7, heartbeat_seconds=20),
        frames.ConnectionEstablishedSaid(user_id=PATIENT, heartbeat_seconds=20),
    ),
    frames.ChatMessageSaid: (
        frames.ChatMessageSaid(message=_MESSAGE, ref="r1"),
        frames.ChatMessageSaid(
            message=_URGENT, ref="r2", crisis_resources=_WHOM_TO_CALL, emergency_alert=_ALERT
        ),
    ),
    frames.NewMessageSaid: (
        frames.NewMessageSaid(message=_MESSAGE, sender_name=_MESSAGE.sender_name),
    ),
    frames.EmergencyMessageSaid: (
        frames.EmergencyMessageSaid(message=_URGENT, sender_name=_URGENT.sender_name),
    ),
    frames.MessageEditedSaid: (
        frames.MessageEditedSaid(
            message_id=MESSAGE_ID, new_text="Could we talk at nine?", edited_at=_LATER, seq=8
        ),
        frames.MessageEditedSaid(message_id=MESSAGE_ID, new_text=None, edited_at=_LATER, seq=8),
    ),
    frames.MessageDeletedSaid: (
        frames.MessageDeletedSaid(message_id=MESSAGE_ID, deleted_at=_LATER, seq=8),
    ),
    frames.MessageRestoredSaid: (
        frames.MessageRestoredSaid(message_id=MESSAGE_ID, message=_MESSAGE, seq=9),
    ),
    frames.EmergencyFlaggedSaid: (frames.EmergencyFlaggedSaid(message_id=MESSAGE_ID, seq=8),),
    frames.EmergencyUpdatedSaid: (frames.EmergencyUpdatedSaid(emergency_alert=_TAKEN),),
    frames.AttachmentUpdatedSaid: (frames.AttachmentUpdatedSaid(attachment=_FILE),),
    frames.ChatUpdatedSaid: (frames.ChatUpdatedSaid(chat=_CHAT, seq=8),),
    frames.HiddenSaid: (frames.HiddenSaid(seq=3, chat_id=CHAT_ID),),
    frames.NotificationSaid: (frames.NotificationSaid(notification=_NOTIFICATION),),
    frames.PresenceSaid: (frames.PresenceSaid(user_id=THERAPIST, online=True),),
    frames.MessageReadReceiptSaid: (
        frames.MessageReadReceiptSaid(
            message_id=MESSAGE_ID, seq=7, user_id=THERAPIST, read_at=_LATER
        ),
    ),
    frames.MessageDeliveredReceiptSaid: (
        frames.MessageDeliveredReceiptSaid(
            message_id=MESSAGE_ID, seq=7, user_id=THERAPIST, delivered_at=_LATER
        ),
    ),
    frames.TypingIndicatorSaid: (frames.TypingIndicatorSaid(user_id=THERAPIST, is_typing=True),),
    frames.ResumedSaid: (frames.ResumedSaid(last_seq=8, receipts=_RECEIPTS, ref="r10"),),
    frames.ErrorSaid: (
        frames.ErrorSaid(code="chat_archived", message="This chat is archived.", ref="r1"),
        frames.ErrorSaid(code="rate_limited", message="Too many frames.", retry_after=1),
    ),
    frames.PongSaid: (frames.PongSaid(ref="r12"),),
}


def examples_on(channel: Channel, kind: Frame) -> list[dict[str, Any]]:
    """The frame as it is on this socket; KeyError where the table has none."""
    needed = channel.needs.get(kind, ())
    elsewhere = {name for other in CHANNELS for name in other.needs.get(kind, ())} - set(needed)
    found = []
    for example in EXAMPLES[kind]:
        payload = _on_the_wire(example)
        if "chat_id" in needed:
            payload["chat_id"] = CHAT_ID
        if set(needed) <= set(payload) and not elsewhere - {"chat_id"} & set(payload):
            found.append(payload)
    return found


def _on_the_wire(example: msgspec.Struct) -> dict[str, Any]:
    """As JSON has it; of a client's frame only what is worth saying."""
    payload: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(example))
    if not isinstance(example, frames.Asked):
        return payload
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(example)}
    return {
        name: value
        for name, value in payload.items()
        if name == "type" or value != defaults.get(name)
    }
