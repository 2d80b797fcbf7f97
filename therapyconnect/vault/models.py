"""Data keys, wrapped."""

from __future__ import annotations

from django.db import models


class DataKey(models.Model):
    """One data key of a chat, encrypted with a key of the ring; useless without the ring."""

    pk = models.CompositePrimaryKey("chat_id", "version")
    chat_id = models.CharField(max_length=80)
    version = models.PositiveSmallIntegerField()
    wrapped = models.BinaryField()
    wrapped_by = models.PositiveIntegerField(help_text="Number of the key ring's key.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "vault_datakey"
