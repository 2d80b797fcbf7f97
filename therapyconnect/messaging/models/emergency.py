"""Emergency alerts: raised with a patient's urgent message, until a person takes them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class EmergencyAlert(models.Model):
    """Key: its chat and the number of the event that raised it (a message, or its flag).

    Changed only under the chat's lock. At most one of a chat waits for a person at a time: what
    is urgent meanwhile is pushed, and belongs to it.
    """

    RAISED = "raised"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    EXHAUSTED = "exhausted"

    pk = models.CompositePrimaryKey("chat_id", "event_seq")
    chat_id = models.CharField(max_length=80)
    event_seq = models.BigIntegerField()
    message_seq = models.BigIntegerField()
    state = models.CharField(max_length=16)
    raised_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="Exhausted then, unless acknowledged before.")
    delivered_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by_id = models.CharField(max_length=34, null=True)
    resolved_at = models.DateTimeField(null=True)
    resolved_by_id = models.CharField(max_length=34, null=True)
    exhausted_at = models.DateTimeField(null=True)
    exhausted_why = models.CharField(max_length=24, null=True)

    class Meta:
        db_table = "messaging_emergencyalert"
        constraints = [
            models.UniqueConstraint(
                fields=["chat_id"],
                name="emergency_one_waits",
                condition=Q(state__in=["raised", "delivered"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="emergency_due",
                condition=Q(state__in=["raised", "delivered"]),
            ),
            models.Index(
                fields=["chat_id"],
                name="emergency_unacknowledged",
                condition=Q(acknowledged_at__isnull=True, resolved_at__isnull=True),
            ),
        ]
