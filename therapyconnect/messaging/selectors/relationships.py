"""Care relationships: the caseload, also what has ended."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.selectors.chats import full_name
from therapyconnect.messaging.selectors.keyset import Found, Turn, not_of_this_list
from therapyconnect.messaging.shapes import CareRelationship

# Index: accounts_care_by_therapist, accounts_care_by_patient.
_SELECT: Final = """
    SELECT a.id, a.therapist_id, a.patient_id, t.first_name, t.last_name, p.first_name, p.last_name,
           a.started_at, a.ended_at
    FROM accounts_carerelationship a
    JOIN accounts_user t ON t.id = a.therapist_id
    JOIN accounts_user p ON p.id = a.patient_id
"""
_OPEN_CHAT_SQL: Final = """
    SELECT c.id FROM messaging_chat c
    WHERE c.therapist_id = %s AND c.patient_id = %s AND c.deleted_at IS NULL
"""


class CareFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the caseload."""

    therapist_id: str | None = None
    patient_id: str | None = None
    active: bool | None = None
    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


def care_page(*, viewer: Principal, filters: CareFilters) -> Reading[Found[CareRelationship]]:
    """The viewer's own relationships, an administrator's all, latest begun first. One query."""
    turn = Turn.of(filters.cursor, filters.limit)
    than, order = turn.descending
    where, params = _readable(viewer)
    for column in ("therapist_id", "patient_id"):
        wanted = getattr(filters, column)
        if wanted is not None:
            where.append(f"a.{column} = %s")
            params.append(wanted)
    if filters.active is not None:
        where.append(f"a.ended_at IS {'NULL' if filters.active else 'NOT NULL'}")
    if turn.cursor is not None:
        last = _uuid(turn.cursor.id)
        if last is None:
            raise not_of_this_list()
        where.append(f"(a.started_at, a.id) {than} (%s, %s)")
        params += [turn.cursor.at, last]
    rows = yield Query(
        f"{_SELECT} WHERE {' AND '.join(where)}"
        f" ORDER BY a.started_at {order}, a.id {order} LIMIT %s",
        (*params, turn.fetch),
    )
    return turn.page(rows, lambda row: (row[7], str(row[0])), _render)


def care_detail(*, viewer: Principal, relationship_id: str) -> Reading[CareRelationship]:
    """One relationship; `NotFound` where the viewer has no side in it and runs no clinic."""
    key = _uuid(relationship_id)
    if key is None:
        raise NotFound()
    where, params = _readable(viewer)
    where.append("a.id = %s")
    rows = yield Query(f"{_SELECT} WHERE {' AND '.join(where)}", (*params, key))
    if not rows:
        raise NotFound()
    return _render(rows[0])


def open_chat_of(*, therapist_id: str, patient_id: str) -> Reading[str | None]:
    """The id of the pair's chat, where they have one that is not deleted."""
    rows = yield Query(_OPEN_CHAT_SQL, (therapist_id, patient_id))
    return rows[0][0] if rows else None


def _readable(viewer: Principal) -> tuple[list[str], list[Any]]:
    if viewer.role == "admin":
        return ["TRUE"], []
    return [f"a.{viewer.role}_id = %s"], [viewer.id]


def _uuid(text: str) -> UUID | None:
    """The key that an id names, written as we write it."""
    try:
        key = UUID(text)
    except ValueError:
        return None
    return key if str(key) == text else None


def _render(row: Row) -> CareRelationship:
    key, therapist_id, patient_id, t_first, t_last, p_first, p_last, started_at, ended_at = row
    return CareRelationship(
        id=str(key),
        therapist_id=therapist_id,
        patient_id=patient_id,
        therapist_full_name=full_name(t_first, t_last),
        patient_full_name=full_name(p_first, p_last),
        started_at=started_at,
        ended_at=ended_at,
        active=ended_at is None,
    )
