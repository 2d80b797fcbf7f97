"""A notification: a few words from an administrator or the server, kept for one person."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from therapyconnect.notifications.ids import ID_PATTERN


class Level(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    URGENT = "urgent"


class Notification(models.Model):
    """One row per recipient: each reads their own, and no row names another.

    Title and body are sealed, bound to the row's id, its user and the column.
    """

    id = models.CharField(primary_key=True, max_length=32)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=32)
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.INFO)
    title_sealed = models.BinaryField()
    body_sealed = models.BinaryField()
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "notifications_notification"
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="notification_of_user"),
            models.Index(
                fields=["user", "-created_at", "-id"],
                condition=Q(read_at__isnull=True),
                name="notification_unread",
            ),
        ]
        constraints = [
            models.CheckConstraint(name="notification_id_shape", condition=Q(id__regex=ID_PATTERN)),
        ]

    def __str__(self) -> str:
        return self.id
