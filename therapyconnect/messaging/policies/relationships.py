"""Who may begin and end the care of a patient by a therapist."""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden
from therapyconnect.core.ids import Role


def check_may_begin(role: Role) -> None:
    """Only the clinic says who cares for whom."""
    if role != "admin":
        raise Forbidden("admin_only", "Only an administrator begins a care relationship.")


def check_may_end(role: Role) -> None:
    """The clinic, or the therapist whose it is; a patient blocks the chat instead."""
    if role == "patient":
        raise Forbidden("therapist_only", "Only the therapist ends a care relationship.")
