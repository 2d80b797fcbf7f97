"""A file that somebody sent, or is about to: what is known of it, its name sealed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class State(models.TextChoices):
    UPLOADING = "uploading"
    SCANNING = "scanning"
    READY = "ready"
    QUARANTINED = "quarantined"
    REJECTED = "rejected"


class Attachment(models.Model):
    """Key: its chat, and a random part of its own.

    The row is there before its objects and goes after them, so whatever breaks off in between, the
    sweep knows what to remove. The objects' names are random: nothing in the store says whose
    they are.
    """

    pk = models.CompositePrimaryKey("chat_id", "key")
    chat_id = models.CharField(max_length=80)
    key = models.CharField(max_length=24)
    uploader_id = models.CharField(max_length=34)
    kind = models.CharField(max_length=8, help_text="What its message must be: image or file.")
    state = models.CharField(max_length=12, choices=State.choices)
    content_type = models.CharField(max_length=100)
    name_sealed = models.BinaryField()
    size = models.BigIntegerField(help_text="Bytes of the content; bound into its seal.")
    thumbnail_size = models.BigIntegerField(null=True)
    object_name = models.CharField(max_length=64)
    thumbnail_name = models.CharField(max_length=64, null=True)
    message_seq = models.BigIntegerField(null=True, help_text="The message that took it.")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Not scanned before: a scan under way, or a pause.")
    doomed_at = models.DateTimeField(null=True, help_text="Nobody gets it any more; to be removed.")

    class Meta:
        db_table = "attachments_attachment"
        indexes = [
            models.Index(fields=["uploader_id"], name="attachment_of_uploader"),
            models.Index(
                fields=["due_at"], name="attachment_to_scan", condition=Q(state="scanning")
            ),
            models.Index(
                fields=["created_at"],
                name="attachment_unused",
                condition=Q(message_seq__isnull=True),
            ),
            models.Index(
                fields=["doomed_at"],
                name="attachment_doomed",
                condition=Q(doomed_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="attachment_once_per_message",
                fields=["chat_id", "message_seq"],
                condition=Q(message_seq__isnull=False),
            ),
            models.CheckConstraint(
                name="attachment_key_shape", condition=Q(key__regex="^[0-9a-f]{24}$")
            ),
        ]

    def __str__(self) -> str:
        return self.key
