"""What happened to chats elsewhere, for a process that may have missed being told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.selectors.alerts import ALERT_COLUMNS, alert_from_row
from therapyconnect.messaging.shapes import EmergencyAlert


def chats_behind(known: Mapping[str, int]) -> Reading[dict[str, int]]:
    """Of chats with the number known here, those that are further, with theirs. By primary key."""
    rows = yield Query(
        "SELECT c.id, c.last_seq FROM unnest(%s::text[], %s::bigint[]) AS k (chat_id, last_seq)"
        " JOIN messaging_chat c ON c.id = k.chat_id WHERE c.last_seq > k.last_seq",
        (list(known), list(known.values())),
    )
    return dict(rows)


def chats_of(user_ids: Sequence[str]) -> Reading[list[str]]:
    """All chats of these people. Indexes: chats by therapist, and by patient."""
    rows = yield Query(
        "SELECT id FROM messaging_chat WHERE therapist_id = ANY(%s)"
        " UNION SELECT id FROM messaging_chat WHERE patient_id = ANY(%s)",
        (list(user_ids), list(user_ids)),
    )
    return [row[0] for row in rows]


def alerts_changed(chat_ids: Sequence[str], *, since: datetime) -> Reading[list[EmergencyAlert]]:
    """The alerts of these chats that changed since then. Index: the primary key, by chat."""
    rows = yield Query(
        f"SELECT {ALERT_COLUMNS} FROM messaging_emergencyalert a"
        " WHERE a.chat_id = ANY(%s) AND GREATEST(a.raised_at, a.delivered_at, a.acknowledged_at,"
        " a.resolved_at, a.exhausted_at) >= %s",
        (list(chat_ids), since),
    )
    return [alert_from_row(row) for row in rows]
