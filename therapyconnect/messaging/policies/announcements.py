"""What the server itself says in a thread, where both must see that something changed."""

from __future__ import annotations

from typing import Final, Literal

Announcement = Literal[
    "chat_archived",
    "chat_reopened",
    "room_archived",
    "room_reopened",
    "relationship_ended",
    "appointment_accepted",
    "appointment_declined",
    "appointment_rescheduled",
    "appointment_cancelled",
]

TEXTS: Final[dict[Announcement, str]] = {
    "chat_archived": "The chat was archived.",
    "chat_reopened": "The chat was opened again.",
    "room_archived": "The room was archived.",
    "room_reopened": "The room was opened again.",
    "relationship_ended": "The care relationship has ended. The chat can be read, not written to.",
    "appointment_accepted": "The appointment was accepted.",
    "appointment_declined": "The appointment was declined.",
    "appointment_rescheduled": "Another time was proposed for the appointment.",
    "appointment_cancelled": "The appointment was cancelled.",
}
"""In English for whoever reads plain text; a client says it in its own words by `payload.event`."""
