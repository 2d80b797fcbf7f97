"""The seed's serializers, over the wire's shapes."""

from __future__ import annotations

from therapyconnect.core.rest.serializers import StructSerializer
from therapyconnect.messaging import shapes


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
    struct = shapes.ChatCreate


class NotificationPreferenceSerializer(StructSerializer):
    struct = shapes.NotificationPreference


class MarkAllReadSerializer(StructSerializer):
    struct = shapes.MarkAllRead


class NothingSerializer(StructSerializer):
    struct = shapes.Nothing


class MessageSerializer(StructSerializer):
    """One message with all its metadata."""

    struct = shapes.Message


class MessageListSerializer(MessageSerializer):
    """A message in a page of history: the same fields, so a client has one type to know."""


class MessageCreateSerializer(StructSerializer):
    """What a send must look like; its content is judged by `policies.content`."""

    struct = shapes.MessageCreate


class EventsSerializer(StructSerializer):
    struct = shapes.Events


class ChatRoomSerializer(StructSerializer):
    """A room with its permissions."""

    struct = shapes.Room


class ChatRoomListSerializer(StructSerializer):
    struct = shapes.RoomSummary


class StatusUpdateSerializer(StructSerializer):
    struct = shapes.StatusUpdate


class SentMessageSerializer(StructSerializer):
    """A message as its sender is answered; an emergency's has resources and its alert."""

    struct = shapes.SentMessage


class MessageEditSerializer(StructSerializer):
    struct = shapes.MessageEdit


class MessageVersionSerializer(StructSerializer):
    struct = shapes.MessageVersion


class AppointmentReplySerializer(StructSerializer):
    struct = shapes.AppointmentReply


class RoomUpdateSerializer(StructSerializer):
    struct = shapes.RoomUpdate


class RoomPermissionsSerializer(StructSerializer):
    struct = shapes.RoomPermissions


class SearchSerializer(StructSerializer):
    struct = shapes.Search


class EmergencyAlertSerializer(StructSerializer):
    """A patient's call for a person, and what has truly happened to it."""

    struct = shapes.EmergencyAlert


class CareRelationshipSerializer(StructSerializer):
    struct = shapes.CareRelationship


class CareBeginSerializer(StructSerializer):
    struct = shapes.CareBegin
