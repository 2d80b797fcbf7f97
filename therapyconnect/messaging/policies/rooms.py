"""The room's questions: may this user send, may this user see history, may they change it."""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden
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
