"""Who may change what was said, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

from therapyconnect.core.errors import Conflict, Forbidden
from therapyconnect.messaging.shapes import Message


def check_owner(message: Message, actor_id: str) -> None:
    """Only the sender changes a message; a system message is nobody's."""
    if message.sender_id != actor_id:
        raise Forbidden("not_sender", "Only the sender does this.")


def check_edit(message: Message, *, now: datetime, window: timedelta) -> None:
    """Whether the words of this message may still be changed."""
    if message.deleted:
        raise message_deleted()
    if message.message_type == "prescription":
        raise Conflict(
            "prescription_immutable", "A prescription is corrected by a new one that names it."
        )
    if now - message.timestamp > window:
        raise Conflict("edit_window_closed", "The time for editing is over.")


def message_deleted() -> Conflict:
    return Conflict("message_deleted", "This message was deleted.")
