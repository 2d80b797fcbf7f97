"""What holds in a chat right now, and what it means for its two people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from therapyconnect.core.errors import DomainError, Forbidden, NotFound
from therapyconnect.messaging.shapes import ChatStatus

Side = Literal["therapist", "patient"]
Bar = Literal["deleted", "blocked", "ended"]


@dataclass(slots=True)
class Standing:
    """The facts of a chat that decide who may do what."""

    archived: bool
    blocked_by_therapist: bool
    blocked_by_patient: bool
    deleted: bool
    related: bool
    room_archived: bool
    therapist_can_send: bool
    patient_can_send: bool

    def lets_send(self, side: Side) -> bool:
        """May this side send, by the room's permissions?"""
        return self.therapist_can_send if side == "therapist" else self.patient_can_send

    @property
    def blocked(self) -> bool:
        return self.blocked_by_therapist or self.blocked_by_patient

    @property
    def bar(self) -> Bar | None:
        """What keeps the two apart: while there is one, neither is told what the other does."""
        if self.related and not (
            self.deleted or self.blocked_by_therapist or self.blocked_by_patient
        ):
            return None  # nearly always: this is asked with each message
        return bar_of(deleted=self.deleted, blocked=self.blocked, related=self.related)

    @property
    def status(self) -> ChatStatus:
        return status_of(archived=self.archived, blocked=self.blocked, deleted=self.deleted)


def status_of(*, archived: bool, blocked: bool, deleted: bool) -> ChatStatus:
    """The strongest fact names the status."""
    if deleted:
        return "deleted"
    if blocked:
        return "blocked"
    return "archived" if archived else "active"


def bar_of(*, deleted: bool, blocked: bool, related: bool) -> Bar | None:
    if deleted:
        return "deleted"
    if blocked:
        return "blocked"
    return None if related else "ended"


def refusal_to_reach(bar: Bar | None) -> DomainError | None:
    """Why nothing can be told between the two (typing, presence), or None."""
    if bar == "deleted":
        return NotFound()
    if bar == "blocked":
        return chat_blocked()
    return relationship_ended() if bar == "ended" else None


def refusal_to_send(standing: Standing, side: Side, *, emergency: bool) -> DomainError | None:
    """Why `side` may not send now, or None.

    A patient's emergency gets through an archived chat or room and a withdrawn permission;
    nothing gets through a block, an ended relationship or a deleted chat.
    """
    barred = refusal_to_reach(standing.bar)
    if barred is not None:
        return barred
    if emergency and side == "patient":
        return None
    if standing.archived:
        return Forbidden("chat_archived", "This chat is archived.")
    if standing.room_archived:
        return Forbidden("room_archived", "The room is archived.")
    if not standing.lets_send(side):
        return Forbidden("sending_not_permitted", "The room does not let you send.")
    return None


def chat_blocked() -> Forbidden:
    return Forbidden("chat_blocked", "This chat is blocked.")


def relationship_ended() -> Forbidden:
    return Forbidden("relationship_ended", "The care relationship has ended.")
