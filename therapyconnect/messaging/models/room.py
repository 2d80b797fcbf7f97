"""The room of a chat: who may send, who may see history."""

from __future__ import annotations

from django.db import models


class RoomType(models.TextChoices):
    THERAPY = "therapy"
    CONSULTATION = "consultation"
    EMERGENCY = "emergency"
    GENERAL = "general"


class ChatRoom(models.Model):
    """Made with its chat; its id is the chat's with another prefix. Its words are sealed."""

    chat = models.OneToOneField(
        "messaging.Chat", on_delete=models.PROTECT, primary_key=True, related_name="room"
    )
    room_type = models.CharField(max_length=16, choices=RoomType.choices, default=RoomType.THERAPY)
    description_sealed = models.BinaryField(null=True)
    tags_sealed = models.BinaryField(null=True)
    archived_at = models.DateTimeField(null=True)
    therapist_can_send = models.BooleanField(default=True)
    patient_can_send = models.BooleanField(default=True)
    therapist_can_see_history = models.BooleanField(default=True)
    patient_can_see_history = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_chatroom"
