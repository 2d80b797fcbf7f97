"""The room's questions: may this user send, may this user see history, may they change it."""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden, Invalid, Problem
from therapyconnect.core.ids import Role
from therapyconnect.messaging.policies.standing import Side, Standing, refusal_to_send
from therapyconnect.messaging.shapes import Room


def can_send(standing: Standing, side: Side) -> bool:
    """May this user send an ordinary message now?"""
    return refusal_to_send(standing, side, emergency=False) is None


def can_see_history(room: Room, side: Side) -> bool:
    """May this user see what was said before?"""
    return room.therapist_can_see_history if side == "therapist" else room.patient_can_see_history


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
    """Neither NUL nor half a character."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)
