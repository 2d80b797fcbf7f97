"""Where the caller's chats stand: what a user socket begins with."""

from __future__ import annotations

from typing import NamedTuple

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.policies.standing import Bar, bar_of


class Position(NamedTuple):
    """A chat, the number of its latest event, and what keeps its two people apart."""

    chat_id: str
    last_seq: int
    bar: Bar | None


def chat_positions(*, viewer: Principal) -> Reading[list[Position]]:
    """Of each of the viewer's chats; also of deleted ones, which may be restored while they listen.

    Of a deleted chat nothing is heard: nothing happens in it but that.
    """
    if viewer.role == "admin":
        return []
    rows = yield Query(
        "SELECT c.id, c.last_seq, c.deleted_at IS NOT NULL,"
        " c.blocked_by_therapist_at IS NOT NULL OR c.blocked_by_patient_at IS NOT NULL,"
        " EXISTS (SELECT 1 FROM accounts_carerelationship a"
        "  WHERE a.therapist_id = c.therapist_id AND a.patient_id = c.patient_id"
        "  AND a.ended_at IS NULL)"
        f" FROM messaging_chat c WHERE c.{viewer.role}_id = %s",
        (viewer.id,),
    )
    return [
        Position(chat_id, last_seq, bar_of(deleted=deleted, blocked=blocked, related=related))
        for chat_id, last_seq, deleted, blocked, related in rows
    ]
