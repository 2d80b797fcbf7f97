"""Rooms: a list, and one in full. A participant's are those of their chats that are not deleted."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import parse_chat_id, parse_room_id, room_id_for
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.keyset import Found, Turn
from therapyconnect.messaging.selectors.seals import open_room_text
from therapyconnect.messaging.shapes import Room, RoomSummary
from therapyconnect.vault.cipher import Cipher

ROOM_COLUMNS: Final = """
    r.room_type, r.description_sealed, r.tags_sealed, r.archived_at IS NULL,
    r.therapist_can_send, r.patient_can_send, r.therapist_can_see_history,
    r.patient_can_see_history, r.created_at, r.updated_at
"""
_SUMMARY_COLUMNS: Final = "r.chat_id, r.room_type, r.archived_at IS NULL, r.created_at"
_FROM: Final = "FROM messaging_chat c JOIN messaging_chatroom r ON r.chat_id = c.id"


class RoomFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the list of rooms."""

    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


def room_page(*, viewer: Principal, filters: RoomFilters) -> Reading[Found[RoomSummary]]:
    """The rooms that the viewer may read, newest first. One query."""
    turn = Turn.of(filters.cursor, filters.limit)
    than, order = turn.descending
    where, params = _readable(viewer)
    if turn.cursor is not None:
        where = f"{where} AND (r.created_at, r.chat_id) {than} (%s, %s)"
        params += [turn.cursor.at, turn.cursor.id]
    rows = yield Query(
        f"SELECT {_SUMMARY_COLUMNS} {_FROM} WHERE {where}"
        f" ORDER BY r.created_at {order}, r.chat_id {order} LIMIT %s",
        (*params, turn.fetch),
    )
    return turn.page(rows, lambda row: (row[3], row[0]), _render_summary)


def room_detail(*, viewer: Principal, room_id: str) -> Reading[Room]:
    """One room in full; `NotFound` where the viewer may not read it."""
    chat_id = parse_room_id(room_id)
    if chat_id is None:
        raise NotFound()
    if viewer.role != "admin" and viewer.id not in (parse_chat_id(chat_id) or ()):
        raise NotFound()
    where, params = _readable(viewer)
    rows = yield Query(
        f"SELECT c.id, {ROOM_COLUMNS} {_FROM} WHERE {where} AND c.id = %s", (*params, chat_id)
    )
    if not rows:
        raise NotFound()
    store = yield from load_ciphers([chat_id])
    return render_room(rows[0], cipher=store.require(chat_id))


def render_room(row: Row, *, cipher: Cipher) -> Room:
    """A row of a chat's id and `ROOM_COLUMNS`."""
    (
        chat_id, room_type, description, tags, is_active, therapist_sends, patient_sends,
        therapist_sees, patient_sees, created_at, updated_at,
    ) = row  # fmt: skip
    tags_text = open_room_text(cipher, tags, column="tags")
    return Room(
        id=room_id_for(chat_id),
        chat_id=chat_id,
        room_type=room_type,
        description=open_room_text(cipher, description, column="description"),
        tags=msgspec.json.decode(tags_text, type=list[str]) if tags_text else [],
        is_active=is_active,
        therapist_can_send=therapist_sends,
        patient_can_send=patient_sends,
        therapist_can_see_history=therapist_sees,
        patient_can_see_history=patient_sees,
        created_at=created_at,
        updated_at=updated_at,
    )


def _render_summary(row: Row) -> RoomSummary:
    chat_id, room_type, is_active, _ = row
    return RoomSummary(
        id=room_id_for(chat_id), chat_id=chat_id, room_type=room_type, is_active=is_active
    )


def _readable(viewer: Principal) -> tuple[str, list[Any]]:
    """Which rooms the viewer may read: an administrator all, also those of deleted chats."""
    if viewer.role == "admin":
        return "TRUE", []
    return f"c.{viewer.role}_id = %s AND c.deleted_at IS NULL", [viewer.id]
