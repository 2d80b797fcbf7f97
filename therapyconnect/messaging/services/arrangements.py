"""Changes of the chat itself: its status, its room, the end of the care it belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from msgspec import UNSET

from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import role_of
from therapyconnect.messaging.policies.announcements import Announcement
from therapyconnect.messaging.policies.history import hidden_after
from therapyconnect.messaging.policies.rooms import check_room_change
from therapyconnect.messaging.policies.standing import Side, relationship_ended
from therapyconnect.messaging.policies.status import standing_after
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.services.books import Book
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.requests import Changed, EndCare, SetRoom, SetStatus
from therapyconnect.messaging.shapes import EventType

_SIDES: Final[tuple[Side, Side]] = ("therapist", "patient")


def set_status(ledger: Ledger, request: SetStatus, book: Book) -> Changed:
    """Set or lift what the caller may; the same status again takes no number."""
    access = book.access
    before = access.standing
    after = standing_after(before, role_of(request.user_id), request.status)
    if after == before:
        return Changed(access, [])
    access.standing = after
    ledger.restated[access.id] = access
    happenings = [_retell(ledger, book, "status_changed", request.user_id)]
    if after.archived != before.archived:
        happenings.append(
            ledger.announce(book, "chat_archived" if after.archived else "chat_reopened")
        )
    return Changed(access, happenings)


def set_room(ledger: Ledger, request: SetRoom, book: Book) -> Changed:
    """Set what of the room is given; what is as it was takes no number."""
    access = book.access
    role = role_of(request.user_id)
    check_room_change(role)
    if role != "admin" and not access.standing.related:
        raise relationship_ended()
    facts, standing = ledger.rooms[access.id], access.standing
    if isinstance(facts, DomainError):
        raise facts
    new_facts = replace(
        facts,
        **_given(
            request,
            "room_type",
            "description",
            "tags",
            "therapist_can_see_history",
            "patient_can_see_history",
        ),
    )
    new_standing = replace(standing, **_given(request, "therapist_can_send", "patient_can_send"))
    if request.archived is not UNSET:
        new_standing = replace(new_standing, room_archived=request.archived)
    if (new_facts, new_standing) == (facts, standing):
        return Changed(access, [])
    for side in _SIDES:
        _hide(book, side, facts.sees(side), new_facts.sees(side))
    ledger.rooms[access.id] = ledger.arranged[access.id] = new_facts
    access.standing = new_standing
    happenings = [_retell(ledger, book, "room_changed", request.user_id)]
    if new_standing.room_archived != standing.room_archived:
        said: Announcement = "room_archived" if new_standing.room_archived else "room_reopened"
        happenings.append(ledger.announce(book, said))
    return Changed(access, happenings)


def end_care(ledger: Ledger, request: EndCare, book: Book) -> Changed:
    """The relationship ends: from now on the chat can only be read."""
    access = book.access
    if not access.standing.related:
        return Changed(access, [])
    access.standing = replace(access.standing, related=False)
    ledger.ended[access.id] = request.user_id
    return Changed(access, [ledger.announce(book, "relationship_ended")])


def _hide(book: Book, side: Side, saw: bool, sees: bool) -> None:
    """Hide from `side` all that was said up to now, or show it again."""
    if saw == sees:
        return
    access = book.access
    hidden = hidden_after(may_see=sees, last_seq=access.last_seq)
    if side == "therapist":
        access.therapist_hidden_seq = hidden
    else:
        access.patient_hidden_seq = hidden
    book.recount.add(side)


def _retell(ledger: Ledger, book: Book, kind: EventType, actor_id: str) -> Happening:
    """An event that shows the chat itself: that is read once all is written."""
    seq = ledger.note_event(book, kind, actor_id=actor_id)
    happening = Happening(seq, kind, ledger.now, actor_id, chats={})
    ledger.retold.append((book.access.id, happening))
    return happening


def _given(request: SetRoom, *names: str) -> dict[str, Any]:
    values = {name: getattr(request, name) for name in names}
    return {name: value for name, value in values.items() if value is not UNSET}
