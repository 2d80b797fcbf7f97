"""Each move of a horizon, with its time."""

from __future__ import annotations

from django.db import models


class Receipt(models.Model):
    """`reader` had everything up to `up_to_seq` delivered (1) or read (2) at `at`.

    A message's `read_at` is the `at` of the first row that covers it.
    """

    DELIVERED = 1
    READ = 2

    pk = models.CompositePrimaryKey("chat_id", "reader_id", "kind", "up_to_seq")
    chat_id = models.CharField(max_length=80)
    reader_id = models.CharField(max_length=34)
    kind = models.PositiveSmallIntegerField(choices=[(DELIVERED, "delivered"), (READ, "read")])
    up_to_seq = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "messaging_receipt"
