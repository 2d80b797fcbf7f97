"""The REST edge's serializers, over the wire's shapes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_serializer

from therapyconnect.core.rest.serializers import StructSerializer
from therapyconnect.notifications import shapes


class NotificationSerializer(StructSerializer):
    struct = shapes.Notification


# Else drf-spectacular makes an array of pages of it.
@extend_schema_serializer(many=False)
class NotificationPageSerializer(StructSerializer):
    struct = shapes.NotificationPage


class NotificationCreateSerializer(StructSerializer):
    struct = shapes.NotificationCreate


class AnnouncementSerializer(StructSerializer):
    struct = shapes.Announcement


class MarkReadSerializer(StructSerializer):
    struct = shapes.MarkRead
