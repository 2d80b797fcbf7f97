"""Emergency alerts as lists, and the ones that nobody took in time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.ids import MessageRef, alert_id_for, parse_alert_id, parse_chat_id
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.selectors.alerts import ALERT_COLUMNS, alert_from_row
from therapyconnect.messaging.selectors.keyset import Found, Turn, not_of_this_list
from therapyconnect.messaging.shapes import AlertState, EmergencyAlert


class EmergencyFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the list of alerts; without `state`, all that are not resolved."""

    state: AlertState | None = None
    chat_id: str | None = None
    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


def emergency_page(
    *, viewer: Principal, filters: EmergencyFilters
) -> Reading[Found[EmergencyAlert]]:
    """The alerts of the viewer's chats, newest first; a deleted chat hides none. One query.

    `NotFound` where `chat_id` is none of the viewer's: no alert must not look like no such chat.
    """
    where = [f"c.{viewer.role}_id = %s"]
    params: list[Any] = [viewer.id]
    if filters.state is None:
        where.append("a.state <> 'resolved'")
    else:
        where.append("a.state = %s")
        params.append(filters.state)
    if filters.chat_id is not None:
        where.append("a.chat_id = %s")
        params.append(filters.chat_id)
    turn = Turn.of(filters.cursor, filters.limit)
    comparison, order = turn.descending
    if turn.cursor is not None:
        place = parse_alert_id(turn.cursor.id)
        if place is None:
            raise not_of_this_list()
        where.append(f"(a.raised_at, a.chat_id, a.event_seq) {comparison} (%s, %s, %s)")
        params += [turn.cursor.at, place.chat_id, place.seq]
    rows = yield Query(
        f"SELECT {ALERT_COLUMNS} FROM messaging_chat c"
        f" JOIN messaging_emergencyalert a ON a.chat_id = c.id WHERE {' AND '.join(where)}"
        f" ORDER BY a.raised_at {order}, a.chat_id {order}, a.event_seq {order} LIMIT %s",
        (*params, turn.fetch),
    )
    if not rows and filters.chat_id is not None:
        yield from access_chat(viewer=viewer, chat_id=filters.chat_id)
    return turn.page(rows, lambda row: (row[4], alert_id_for(row[0], row[1])), alert_from_row)


DUE_LIMIT: Final = 10_000

# Under the chats' locks, so that a send never attaches to an alert that ends beside it. One
# statement: a kill leaves all of it or nothing, and the next sweep finds what is due.
_EXHAUST_SQL: Final = f"""
    WITH due AS (
        SELECT c.id FROM messaging_emergencyalert w JOIN messaging_chat c ON c.id = w.chat_id
        WHERE w.chat_id = ANY(%s) AND w.state IN ('raised', 'delivered') AND w.due_at <= %s
        ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED
    )
    UPDATE messaging_emergencyalert a
    SET state = 'exhausted', exhausted_at = %s, exhausted_why = 'not_acknowledged'
    FROM due WHERE a.chat_id = due.id AND a.state IN ('raised', 'delivered') AND a.due_at <= %s
    RETURNING {ALERT_COLUMNS}
"""


def chats_due(*, now: datetime) -> Reading[list[str]]:
    """Chats with an alert that nobody took in time, the longest due first. Index: emergency_due."""
    rows = yield Query(
        "SELECT chat_id FROM messaging_emergencyalert"
        " WHERE state IN ('raised', 'delivered') AND due_at <= %s ORDER BY due_at LIMIT %s",
        (now, DUE_LIMIT),
    )
    return [row[0] for row in rows]


def exhaust_due(chat_ids: Sequence[str], *, now: datetime) -> Reading[list[EmergencyAlert]]:
    """Ends what is due of these chats, but for those that somebody holds; those that were ended.

    Index: emergency_one_waits.
    """
    rows = yield Query(_EXHAUST_SQL, (list(chat_ids), now, now, now))
    return [alert_from_row(row) for row in rows]


def alert_chat_for(alert_id: str, viewer: Principal) -> MessageRef | None:
    """The chat and event that an alert's id names, where the viewer may take part in it."""
    ref = parse_alert_id(alert_id)
    if ref is None or viewer.id not in (parse_chat_id(ref.chat_id) or ()):
        return None
    assert alert_id_for(ref.chat_id, ref.seq) == alert_id
    return ref
