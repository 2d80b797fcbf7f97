"""Who may arrange a room, and what its words may be.

May this user send: `Standing.lets_send`. May they see history: `policies.history`.
"""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden, Invalid, Problem
from therapyconnect.core.ids import Role
from therapyconnect.core.text import encodable


def check_room_change(role: Role) -> None:
    """Rooms are arranged by the chat's therapist and by administrators."""
    if role == "patient":
        raise Forbidden("therapist_only", "Only the therapist changes the room.")


def check_room_words(*, description: str | None, tags: list[str] | None) -> None:
    """Raise `Invalid` for what no message could hold either; lengths are the shapes'."""
    problems = []
    if description is not None and not _storable(description):
        problems.append(Problem("invalid", "Not text that can be kept.", "description"))
    if tags is not None and not all(_storable(tag) and not tag.isspace() for tag in tags):
        problems.append(Problem("invalid", "A tag is blank, or not text.", "tags"))
    if problems:
        raise Invalid.of(*problems)


def _storable(text: str) -> bool:
    return "\x00" not in text and encodable(text)
