"""Horizons: how far a participant has received and read."""

from __future__ import annotations

from therapyconnect.core.errors import Invalid
from therapyconnect.messaging.shapes import ReadStatus


def check_horizon(up_to: int, last_seq: int) -> None:
    """A horizon can't pass the chat's last number."""
    if up_to > last_seq:
        raise Invalid("beyond_last_seq", "The chat has no such number yet.", "up_to_seq")


def read_status(seq: int, *, delivered_seq: int, read_seq: int) -> ReadStatus:
    """A message's status by its number against the recipient's horizons."""
    if seq <= read_seq:
        return "read"
    return "delivered" if seq <= delivered_seq else "sent"
