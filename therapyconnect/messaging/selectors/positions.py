"""Where the caller's chats stand: what a user socket begins with."""

from __future__ import annotations

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.queries import Query, Reading


def chat_positions(*, viewer: Principal) -> Reading[list[tuple[str, int]]]:
    """`(chat_id, last_seq)` of each of the viewer's chats that is not deleted."""
    if viewer.role == "admin":
        return []
    rows = yield Query(
        f"SELECT id, last_seq FROM messaging_chat"
        f" WHERE {viewer.role}_id = %s AND deleted_at IS NULL",
        (viewer.id,),
    )
    return [(row[0], row[1]) for row in rows]
