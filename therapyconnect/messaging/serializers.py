"""The seed's serializers, over the wire's shapes."""

from __future__ import annotations

from therapyconnect.attachments.shapes import Attachment
from therapyconnect.core.rest.serializers import StructSerializer
from therapyconnect.messaging import bodies, shapes


class ChatListSerializer(StructSerializer):
    """A chat in a list."""

    struct = shapes.Chat


class ChatDetailSerializer(StructSerializer):
    """A chat with its other participant, receipts and room."""

    struct = shapes.ChatDetail


class ChatSerializer(ChatDetailSerializer):
    """A chat in full: what every write on a chat answers."""


class AdminChatSerializer(StructSerializer):
    struct = shapes.AdminChat


class ChatCreateSerializer(StructSerializer):
    struct = bodies.ChatCreate


class NotificationPreferenceSerializer(StructSerializer):
    struct = bodies.NotificationPreference


class MarkAllReadSerializer(StructSerializer):
    struct = bodies.MarkAllRead


class NothingSerializer(StructSerializer):
    struct = bodies.Nothing


class MessageSerializer(StructSerializer):
    """One message with all its metadata."""

    struct = shapes.Message


class MessageListSerializer(MessageSerializer):
    """A message in a page of history: the same fields, so a client has one type to know."""


class MessageCreateSerializer(StructSerializer):
    """What a send must look like; its content is judged by `policies.content`."""

    struct = bodies.MessageCreate


class EventsSerializer(StructSerializer):
    struct = shapes.Events


class ChatRoomSerializer(StructSerializer):
    """A room with its permissions."""

    struct = shapes.Room


class ChatRoomListSerializer(StructSerializer):
    struct = shapes.RoomSummary


class StatusUpdateSerializer(StructSerializer):
    struct = bodies.StatusUpdate


class SentMessageSerializer(StructSerializer):
    """A message as its sender is answered; an emergency's has resources and its alert."""

    struct = shapes.SentMessage


class MessageEditSerializer(StructSerializer):
    struct = bodies.MessageEdit


class MessageVersionSerializer(StructSerializer):
    struct = shapes.MessageVersion


class AppointmentReplySerializer(StructSerializer):
    struct = bodies.AppointmentReply


class RoomUpdateSerializer(StructSerializer):
    struct = bodies.RoomUpdate


class RoomPermissionsSerializer(StructSerializer):
    struct = bodies.RoomPermissions


class SearchSerializer(StructSerializer):
    struct = bodies.Search


class EmergencyAlertSerializer(StructSerializer):
    """A patient's call for a person, and what has truly happened to it."""

    struct = shapes.EmergencyAlert


class AttachmentSerializer(StructSerializer):
    """A file and its state."""

    struct = Attachment


class CareRelationshipSerializer(StructSerializer):
    struct = shapes.CareRelationship


class CareBeginSerializer(StructSerializer):
    struct = bodies.CareBegin
