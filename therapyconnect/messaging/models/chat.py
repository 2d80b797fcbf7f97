"""A chat: two people, one sequence, their horizons on it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Chat(models.Model):
    """One row per pair of people. Its row lock is what makes the sequence gapless.

    `last_seq` is the number of the latest durable change. Horizons (`…_delivered_seq`,
    `…_read_seq`) only grow and never pass it. Unread counts equal a recount at every commit.
    """

    id = models.CharField(primary_key=True, max_length=80)
    therapist = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    patient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    # Three independent facts; the status shown is the strongest of them.
    archived_at = models.DateTimeField(null=True)
    blocked_by_therapist_at = models.DateTimeField(null=True)
    blocked_by_patient_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    last_seq = models.BigIntegerField(default=0)
    last_message_seq = models.BigIntegerField(default=0, help_text="0 where nothing was said.")
    active_at = models.DateTimeField(help_text="The last message's time; before one, created_at.")

    therapist_delivered_seq = models.BigIntegerField(default=0)
    therapist_read_seq = models.BigIntegerField(default=0)
    patient_delivered_seq = models.BigIntegerField(default=0)
    patient_read_seq = models.BigIntegerField(default=0)
    therapist_unread_count = models.IntegerField(default=0)
    patient_unread_count = models.IntegerField(default=0)
    therapist_marked_unread = models.BooleanField(default=False)
    patient_marked_unread = models.BooleanField(default=False)
    therapist_notifications = models.BooleanField(default=True)
    patient_notifications = models.BooleanField(default=True)
    # What was said up to here is hidden from that side; 0 where nothing is.
    therapist_hidden_seq = models.BigIntegerField(default=0, db_default=0)
    patient_hidden_seq = models.BigIntegerField(default=0, db_default=0)
    # 0 after a restore, also for chats that are made later: their numbers may have named, before,
    # what is lost now. Null: nothing was ever restored.
    forked_seq = models.BigIntegerField(null=True)

    class Meta:
        db_table = "messaging_chat"
        indexes = [
            models.Index(fields=["therapist", "-active_at", "-id"], name="chat_of_therapist"),
            models.Index(fields=["patient", "-active_at", "-id"], name="chat_of_patient"),
        ]
        constraints = [
            models.CheckConstraint(
                name="chat_horizons_in_range",
                condition=Q(therapist_read_seq__lte=F("therapist_delivered_seq"))
                & Q(patient_read_seq__lte=F("patient_delivered_seq"))
                & Q(therapist_delivered_seq__lte=F("last_seq"))
                & Q(patient_delivered_seq__lte=F("last_seq"))
                & Q(last_message_seq__lte=F("last_seq")),
            ),
        ]
