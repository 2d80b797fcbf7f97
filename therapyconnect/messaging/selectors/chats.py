"""Chats: the caller's list, one in detail, and what an administrator may know of them."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import parse_chat_id, room_id_for
from therapyconnect.core.pagination import DEFAULT_LIMIT, Cursor, Limit, decode_cursor
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.policies.standing import status_of
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.rooms import ROOM_COLUMNS, render_room
from therapyconnect.messaging.selectors.seals import open_text
from therapyconnect.messaging.shapes import (
    AdminChat,
    Chat,
    ChatDetail,
    ChatStatus,
    Horizons,
    Participant,
    Receipts,
    RoomSummary,
)
from therapyconnect.vault.datakeys import CipherStore

_FACTS: Final = """
    c.archived_at IS NOT NULL,
    c.blocked_by_therapist_at IS NOT NULL OR c.blocked_by_patient_at IS NOT NULL,
    c.deleted_at IS NOT NULL
"""
CHAT_COLUMNS: Final = f"""
    c.id, c.therapist_id, c.patient_id, t.first_name, t.last_name, p.first_name, p.last_name,
    {_FACTS},
    c.therapist_unread_count, c.patient_unread_count, c.therapist_notifications,
    c.patient_notifications, c.therapist_marked_unread, c.patient_marked_unread,
    c.created_at, c.updated_at, c.active_at,
    m.seq, m.version, CASE WHEN m.deleted_at IS NULL THEN m.text_sealed END, m.created_at,
    m.sender_id, c.therapist_hidden_seq, c.patient_hidden_seq
"""
CHAT_FROM: Final = """
    FROM messaging_chat c
    JOIN accounts_user t ON t.id = c.therapist_id
    JOIN accounts_user p ON p.id = c.patient_id
    LEFT JOIN messaging_message m ON m.chat_id = c.id AND m.seq = c.last_message_seq
"""
_CHAT_WIDTH: Final = 26
_DETAIL_COLUMNS: Final = f""",
    c.last_seq, c.therapist_delivered_seq, c.therapist_read_seq,
    c.patient_delivered_seq, c.patient_read_seq,
    {ROOM_COLUMNS},
    EXISTS (SELECT 1 FROM accounts_carerelationship a WHERE a.therapist_id = c.therapist_id
            AND a.patient_id = c.patient_id AND a.ended_at IS NULL)
"""
DETAIL_SQL: Final = f"""
    SELECT {CHAT_COLUMNS} {_DETAIL_COLUMNS} {CHAT_FROM}
    JOIN messaging_chatroom r ON r.chat_id = c.id
"""
STATUS_SQL: Final[dict[str, str]] = {
    "deleted": "c.deleted_at IS NOT NULL",
    "blocked": "c.deleted_at IS NULL AND (c.blocked_by_therapist_at IS NOT NULL"
    " OR c.blocked_by_patient_at IS NOT NULL)",
    "archived": "c.deleted_at IS NULL AND c.blocked_by_therapist_at IS NULL"
    " AND c.blocked_by_patient_at IS NULL AND c.archived_at IS NOT NULL",
    "active": "c.deleted_at IS NULL AND c.blocked_by_therapist_at IS NULL"
    " AND c.blocked_by_patient_at IS NULL AND c.archived_at IS NULL",
}


class ChatFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the chat list."""

    status: ChatStatus | None = None
    unread: bool | None = None
    ordering: Literal["recent", "priority"] = "recent"
    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


class ChatPage(msgspec.Struct):
    """A page's chats with the cursors that lead to its neighbours."""

    chats: list[Any]
    next: Cursor | None
    previous: Cursor | None


def chat_page(*, viewer: Principal, filters: ChatFilters) -> Reading[ChatPage]:
    """The viewer's chats, latest activity first: two queries whatever the size.

    A deleted chat is in no participant's list. Index: chat_of_therapist, chat_of_patient.
    """
    rows, page = yield from _keyset_page(
        f"SELECT {CHAT_COLUMNS} {CHAT_FROM}",
        listed(viewer.role, filters),
        [viewer.id],
        filters,
        at="c.active_at",
        place=18,
    )
    store = yield from load_ciphers(row[0] for row in rows)
    page.chats = [render_chat(row, viewer_side=viewer.role, store=store) for row in rows]
    return page


def listed(own: str, filters: ChatFilters) -> list[str]:
    """The conditions of a participant's list; their one parameter is the participant's id."""
    where = [f"c.{own}_id = %s", "c.deleted_at IS NULL"]
    if filters.unread is not None:
        some = f"(c.{own}_unread_count > 0 OR c.{own}_marked_unread)"
        where.append(some if filters.unread else f"NOT {some}")
    if filters.status is not None:
        where.append(STATUS_SQL[filters.status])
    return where


def admin_chat_page(*, filters: ChatFilters) -> Reading[ChatPage]:
    """All chats of the installation, without a word or a count of any."""
    where = [STATUS_SQL[filters.status]] if filters.status is not None else ["TRUE"]
    rows, page = yield from _keyset_page(_ADMIN_SQL, where, [], filters, at="c.created_at", place=6)
    page.chats = [_render_admin_chat(row) for row in rows]
    return page


_ADMIN_SQL: Final = f"""
    SELECT c.id, c.therapist_id, c.patient_id, {_FACTS}, c.created_at, c.updated_at,
           r.room_type, r.archived_at IS NULL
    FROM messaging_chat c JOIN messaging_chatroom r ON r.chat_id = c.id
"""


def _keyset_page(
    select: str, where: list[str], params: list[Any], filters: ChatFilters, *, at: str, place: int
) -> Reading[tuple[list[Row], ChatPage]]:
    """Rows of one page, newest first by `at` then id, and its neighbours' cursors."""
    cursor = decode_cursor(filters.cursor) if filters.cursor is not None else None
    back = cursor is not None and cursor.back
    if cursor is not None:
        where = [*where, f"({at}, c.id) {'>' if back else '<'} (%s, %s)"]
        params = [*params, cursor.at, cursor.id]
    order = "ASC" if back else "DESC"
    rows = yield Query(
        f"{select} WHERE {' AND '.join(where)} ORDER BY {at} {order}, c.id {order} LIMIT %s",
        (*params, filters.limit + 1),
    )
    more = len(rows) > filters.limit
    rows = rows[: filters.limit]
    if back:
        rows.reverse()
    page = ChatPage(chats=[], next=None, previous=None)
    if rows and (more or back):
        page.next = Cursor(rows[-1][place], rows[-1][0])
    if rows and cursor is not None and (more or not back):
        page.previous = Cursor(rows[0][place], rows[0][0], back=True)
    return rows, page


def chat_detail(*, viewer: Principal, chat_id: str) -> Reading[ChatDetail]:
    """One chat of the viewer's, with its room and receipts; else `NotFound`."""
    pair = parse_chat_id(chat_id)
    if pair is None or viewer.id not in pair:
        raise NotFound()
    rows = yield Query(f"{DETAIL_SQL} WHERE c.id = %s", (chat_id,))
    if not rows or rows[0][9]:
        raise NotFound()
    store = yield from load_ciphers([chat_id])
    side = "therapist" if viewer.id == rows[0][1] else "patient"
    return render_detail(rows[0], viewer_side=side, store=store)


def chat_for_both(*, chat_id: str) -> Reading[dict[str, ChatDetail]]:
    """A chat as each of its two people sees it, by their id; also where it was deleted."""
    rows = yield Query(f"{DETAIL_SQL} WHERE c.id = %s", (chat_id,))
    store = yield from load_ciphers([chat_id])
    return details_of(rows[0], store=store) if rows else {}


def details_of(row: Row, *, store: CipherStore) -> dict[str, ChatDetail]:
    """A row of `DETAIL_SQL` as each of the two people sees it, by their id."""
    return {
        row[1]: render_detail(row, viewer_side="therapist", store=store),
        row[2]: render_detail(row, viewer_side="patient", store=store),
    }


def admin_chat_detail(*, chat_id: str) -> Reading[AdminChat]:
    if parse_chat_id(chat_id) is None:
        raise NotFound()
    rows = yield Query(f"{_ADMIN_SQL} WHERE c.id = %s", (chat_id,))
    if not rows:
        raise NotFound()
    return _render_admin_chat(rows[0])


def render_chat(row: Row, *, viewer_side: str, store: CipherStore) -> Chat:
    """A row of `CHAT_COLUMNS`; the preview is opened from the last message itself."""
    return Chat(**_chat_fields(row, viewer_side=viewer_side, store=store))


def _chat_fields(row: Row, *, viewer_side: str, store: CipherStore) -> dict[str, Any]:
    (
        chat_id, therapist_id, patient_id, t_first, t_last, p_first, p_last, archived, blocked,
        deleted, t_unread, p_unread, t_notify, p_notify, t_marked, p_marked, created_at,
        updated_at, _active_at, last_seq, version, text_sealed, said_at, sender_id,
        t_hidden, p_hidden,
    ) = row[:_CHAT_WIDTH]  # fmt: skip
    text: str | None = None
    if not can_see(last_seq or 0, t_hidden if viewer_side == "therapist" else p_hidden):
        text_sealed = said_at = sender_id = None
    if text_sealed is not None:
        text = open_text(store.require(chat_id), text_sealed, seq=last_seq, version=version)
    return {
        "id": chat_id,
        "therapist_id": therapist_id,
        "patient_id": patient_id,
        "therapist_first_name": t_first,
        "therapist_last_name": t_last,
        "therapist_full_name": full_name(t_first, t_last),
        "patient_first_name": p_first,
        "patient_last_name": p_last,
        "patient_full_name": full_name(p_first, p_last),
        "status": status_of(archived=archived, blocked=blocked, deleted=deleted),
        "last_message_text": text,
        "last_message_timestamp": said_at,
        "last_message_sender_id": sender_id,
        "therapist_unread_count": t_unread,
        "patient_unread_count": p_unread,
        "therapist_notifications": t_notify,
        "patient_notifications": p_notify,
        "marked_unread": t_marked if viewer_side == "therapist" else p_marked,
        "created_at": created_at,
        "updated_at": updated_at,
    }


def render_detail(row: Row, *, viewer_side: str, store: CipherStore) -> ChatDetail:
    chat = _chat_fields(row, viewer_side=viewer_side, store=store)
    other: Literal["therapist", "patient"] = (
        "patient" if viewer_side == "therapist" else "therapist"
    )
    last_seq, t_delivered, t_read, p_delivered, p_read, *room, related = row[_CHAT_WIDTH:]
    return ChatDetail(
        **chat,
        other_participant=Participant(
            id=chat[f"{other}_id"],
            role=other,
            first_name=chat[f"{other}_first_name"],
            last_name=chat[f"{other}_last_name"],
            full_name=chat[f"{other}_full_name"],
        ),
        unread_count=chat[f"{viewer_side}_unread_count"],
        last_seq=last_seq,
        receipts=Receipts(
            therapist=Horizons(t_delivered, t_read), patient=Horizons(p_delivered, p_read)
        ),
        room=render_room((chat["id"], *room), cipher=store.require(chat["id"])),
        relationship_active=related,
    )


def _render_admin_chat(row: Row) -> AdminChat:
    chat_id, therapist_id, patient_id, archived, blocked, deleted, created, updated, kind, live = (
        row
    )
    return AdminChat(
        id=chat_id,
        therapist_id=therapist_id,
        patient_id=patient_id,
        status=status_of(archived=archived, blocked=blocked, deleted=deleted),
        room=RoomSummary(id=room_id_for(chat_id), chat_id=chat_id, room_type=kind, is_active=live),
        created_at=created,
        updated_at=updated,
    )


def full_name(first: str, last: str) -> str:
    return f"{first} {last}".strip()
