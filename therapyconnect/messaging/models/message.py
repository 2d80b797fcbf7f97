"""A message: one number of a chat's sequence, its words sealed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class MessageType(models.TextChoices):
    TEXT = "text"
    IMAGE = "image"
    FILE = "file"
    SYSTEM = "system"
    APPOINTMENT = "appointment"
    PRESCRIPTION = "prescription"


class Message(models.Model):
    """Key: its chat and the number of its creation.

    Foreign keys are not checked by the database here: rows are written only by `services.batch`,
    which holds the chat's lock and has just read both participants; a check per row cost more
    than the insert.
    """

    pk = models.CompositePrimaryKey("chat_id", "seq")
    chat = models.ForeignKey(
        "messaging.Chat", on_delete=models.PROTECT, db_constraint=False, db_index=False
    )
    seq = models.BigIntegerField()
    changed_seq = models.BigIntegerField(help_text="Number of its latest event.")
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        help_text="Null for a system message.",
    )
    client_message_id = models.CharField(max_length=64, null=True)
    fingerprint = models.BinaryField(null=True, help_text="Keyed digest of the body as first sent.")
    message_type = models.CharField(max_length=16, choices=MessageType.choices)
    emergency = models.BooleanField(default=False)
    version = models.IntegerField(default=1, help_text="Bound into the seal of text and payload.")
    text_sealed = models.BinaryField()
    payload_sealed = models.BinaryField(null=True)
    attachment_id = models.CharField(max_length=64, null=True)
    reply_to_seq = models.BigIntegerField(null=True)
    restored_seq = models.BigIntegerField(
        null=True, help_text="Number of its latest restore: from there on it is unread anew."
    )
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        db_table = "messaging_message"
        indexes = [
            models.Index(
                fields=["chat", "restored_seq"],
                name="message_restored",
                condition=Q(restored_seq__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                name="message_once_per_client_id",
                fields=["chat", "sender", "client_message_id"],
                condition=Q(client_message_id__isnull=False),
            ),
            models.CheckConstraint(name="message_seq_from_one", condition=Q(seq__gte=1)),
        ]


class MessageVersion(models.Model):
    """What a message said before an edit.

    Sealed bytes are moved here as they are: their seal names the message and the version, so an
    old version neither opens as the message nor in another one's place.
    """

    pk = models.CompositePrimaryKey("chat_id", "seq", "version")
    chat_id = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    version = models.IntegerField()
    text_sealed = models.BinaryField()
    payload_sealed = models.BinaryField(null=True)
    written_at = models.DateTimeField()
    replaced_at = models.DateTimeField()

    class Meta:
        db_table = "messaging_messageversion"
