"""The numbers of a chat's sequence that are no message's creation."""

from __future__ import annotations

from django.db import models


class ChatEvent(models.Model):
    """An edit, a delete, a restore, an emergency flag, a change of status or of the room.

    With the messages (each at the number of its creation) these make the sequence without a gap.
    What an event was about is read as it stands now, so nothing of it is kept here.
    """

    pk = models.CompositePrimaryKey("chat_id", "seq")
    chat_id = models.CharField(max_length=80)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=24)
    at = models.DateTimeField()
    actor_id = models.CharField(max_length=34, null=True)
    message_seq = models.BigIntegerField(null=True)
    version = models.IntegerField(null=True, help_text="The version that an edit made.")

    class Meta:
        db_table = "messaging_chatevent"
