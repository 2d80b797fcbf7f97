"""The chat list in the order in which a person is needed.

First the chats with an alert that nobody has taken, the one raised longest ago first; then those
with something unread, the one that waits longest first; then the rest, latest activity first.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.core.pagination import Cursor
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.selectors.chats import (
    CHAT_COLUMNS,
    CHAT_FROM,
    ChatFilters,
    ChatPage,
    chat_page,
    listed,
    render_chat,
)
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.keyset import Turn, not_of_this_list

_RANKS: Final = ("0", "1", "2")  # an alert, something unread, the rest
_REST: Final = 2
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

# In two parts that are read only as far as the page reaches. Those that wait for a person: of each
# its rank and since when, in microseconds since 1970. The alerts by emergency_unacknowledged; where
# anything is unread, the first of it by the primary key and message_restored (what was restored
# waits since its restore, not since it was first said; `<>` leaves out system messages too, whose
# sender is null). The rest in the order of chat_of_therapist or chat_of_patient, their number the
# negative of their time: so both parts grow. No index tells who waits: each receipt would write
# it. So the viewer's own chats are looked through, some microseconds for each.
_PAGE_SQL: Final = f"""
    WITH alerts AS MATERIALIZED (
        SELECT a.chat_id, min(a.raised_at) AS since FROM messaging_emergencyalert a
        WHERE a.acknowledged_at IS NULL AND a.resolved_at IS NULL GROUP BY a.chat_id
    ), called AS MATERIALIZED (
        SELECT c.id, c.active_at, alert.since AS alert_since, c.{{own}}_unread_count AS unread,
               c.{{own}}_read_seq AS read, c.{{own}}_hidden_seq AS hidden
        FROM messaging_chat c LEFT JOIN alerts alert ON alert.chat_id = c.id
        WHERE {{where}} AND (alert.since IS NOT NULL OR c.{{own}}_unread_count > 0)
    ), waiting AS (
        SELECT w.id, CASE WHEN w.alert_since IS NOT NULL THEN 0 ELSE 1 END AS rank,
            (EXTRACT(EPOCH FROM COALESCE(w.alert_since, LEAST(
                (SELECT m.created_at FROM messaging_message m
                 WHERE m.chat_id = w.id AND m.restored_seq IS NULL
                   AND m.seq > GREATEST(w.read, w.hidden)
                   AND m.sender_id <> %s AND m.deleted_at IS NULL
                 ORDER BY m.seq LIMIT 1),
                (SELECT min((SELECT e.at FROM messaging_chatevent e
                             WHERE e.chat_id = m.chat_id AND e.seq = m.restored_seq))
                 FROM messaging_message m
                 WHERE m.chat_id = w.id AND m.restored_seq IS NOT NULL
                   AND m.restored_seq > w.read AND m.seq > w.hidden
                   AND m.sender_id <> %s AND m.deleted_at IS NULL)
            ), w.active_at)) * 1000000)::bigint AS key
        FROM called w
    ), page AS MATERIALIZED (
        (SELECT id, rank, key FROM waiting WHERE {{after}}
         ORDER BY rank {{order}}, key {{order}}, id {{order}} LIMIT %s)
        UNION ALL
        (SELECT c.id, {_REST}, -(EXTRACT(EPOCH FROM c.active_at) * 1000000)::bigint
         FROM messaging_chat c
         WHERE {{where}} AND {{after_rest}} AND c.{{own}}_unread_count = 0
           AND NOT EXISTS (SELECT FROM alerts a WHERE a.chat_id = c.id)
         ORDER BY c.active_at {{latest}}, c.id {{order}} LIMIT %s)
    )
    SELECT {CHAT_COLUMNS}, page.rank, page.key {CHAT_FROM} JOIN page ON page.id = c.id
    ORDER BY page.rank {{order}}, page.key {{order}}, page.id {{order}} LIMIT %s
"""


def ordered_page(*, viewer: Principal, filters: ChatFilters) -> Reading[ChatPage]:
    """The viewer's chats in the order that the filters ask for. Two queries at most."""
    if filters.ordering == "recent":
        return (yield from chat_page(viewer=viewer, filters=filters))
    turn = Turn.of(filters.cursor, filters.limit)
    than, order = turn.ascending
    after, after_rest = "TRUE", "TRUE"
    place: list[Any] = []
    place_rest: list[Any] = []
    if turn.cursor is not None:
        rank, key, chat_id = _keys(turn.cursor)
        after, place = f"(rank, key, id) {than} (%s, %s, %s)", [rank, key, chat_id]
        if rank != _REST:
            after_rest = "FALSE" if turn.back else "TRUE"
        else:
            earlier = ">" if turn.back else "<"
            after_rest = (
                f"c.active_at {earlier}= %s AND (c.active_at {earlier} %s OR c.id {than} %s)"
            )
            place_rest = [turn.cursor.at, turn.cursor.at, chat_id]
    sql = _PAGE_SQL.format(
        own=viewer.role,
        where=" AND ".join(listed(viewer.role, filters)),
        after=after,
        after_rest=after_rest,
        order=order,
        latest="ASC" if turn.back else "DESC",
    )
    own, fetch = viewer.id, turn.fetch
    params = (own, own, own, *place, fetch, own, *place_rest, fetch, fetch)
    rows = yield Query(sql, params)
    store = yield from load_ciphers(row[0] for row in rows)
    found = turn.page(
        rows, _place, lambda row: render_chat(row, viewer_side=viewer.role, store=store)
    )
    return ChatPage(found.items, found.next, found.previous)


def _place(row: Row) -> tuple[datetime, str]:
    """A row's time and id for a cursor; the rank goes with the id."""
    rank, key = row[-2:]
    return _EPOCH + abs(key) * _MICROSECOND, f"{rank}:{row[0]}"


def _keys(cursor: Cursor) -> tuple[int, int, str]:
    """The rank, the number and the chat that a cursor names."""
    rank, _, chat_id = cursor.id.partition(":")
    if rank not in _RANKS or parse_chat_id(chat_id) is None:
        raise not_of_this_list()
    since = (cursor.at - _EPOCH) // _MICROSECOND
    return int(rank), -since if int(rank) == _REST else since, chat_id
