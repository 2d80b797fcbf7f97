"""Unread messages: what the other participant said that the viewer has not read yet."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.ids import MessageRef, parse_message_id
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.selectors.access import (
    ACCESS_COLUMNS,
    ACCESS_WIDTH,
    access_chat,
    access_from_row,
)
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.keyset import Found, Turn, not_of_this_list
from therapyconnect.messaging.selectors.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_FROM,
    render_message,
    see,
)
from therapyconnect.messaging.shapes import Message
from therapyconnect.vault.datakeys import CipherStore

# The same messages that the unread count counts, in its two parts: above the horizon by their own
# number (index: the primary key), or by that of their restore (index: message_restored). Only
# chats whose count is above zero are looked into: first for the nearest message of each, then, of
# as many chats as a page can hold, no further than it can reach. Within a chat times rise with the
# numbers, so the newest are at the end of the key. Should a clock have been set back, as many as
# SPARE messages of a chat, and as many chats, may stand in each other's place.
SPARE: Final = 50
_ABOVE: Final = """
    m.restored_seq IS NULL AND m.seq > w.above
    AND m.sender_id <> %(viewer)s AND m.deleted_at IS NULL AND {place}
"""
_PAGE_SQL: Final = f"""
    WITH waiting AS MATERIALIZED (
        SELECT c.id, c.{{own}}_read_seq AS read, c.{{own}}_hidden_seq AS hidden,
               GREATEST(c.{{own}}_read_seq, c.{{own}}_hidden_seq) AS above
        FROM messaging_chat c
        WHERE c.{{own}}_id = %(viewer)s AND c.deleted_at IS NULL AND c.{{own}}_unread_count > 0
          AND (%(chat)s::text IS NULL OR c.id = %(chat)s)
    ), nearest AS MATERIALIZED (
        SELECT w.id, w.above FROM waiting w
        CROSS JOIN LATERAL (
            SELECT m.created_at FROM messaging_message m WHERE m.chat_id = w.id AND {_ABOVE}
            ORDER BY m.seq {{order}} LIMIT 1
        ) n
        ORDER BY n.created_at {{order}}, w.id {{order}} LIMIT %(reach)s
    ), page AS MATERIALIZED (
        SELECT u.chat_id, u.seq
        FROM (
            SELECT n.* FROM nearest w
            CROSS JOIN LATERAL (
                SELECT m.chat_id, m.seq, m.created_at
                FROM messaging_message m WHERE m.chat_id = w.id AND {_ABOVE}
                ORDER BY m.seq {{order}} LIMIT %(reach)s
            ) n
            UNION ALL
            SELECT n.* FROM waiting w
            CROSS JOIN LATERAL (
                SELECT m.chat_id, m.seq, m.created_at
                FROM messaging_message m WHERE m.chat_id = w.id AND m.restored_seq IS NOT NULL
                  AND m.restored_seq > w.read AND m.seq > w.hidden
                  AND m.sender_id <> %(viewer)s AND m.deleted_at IS NULL AND {{place}}
            ) n
        ) u
        ORDER BY u.created_at {{order}}, u.chat_id {{order}}, u.seq {{order}} LIMIT %(fetch)s
    )
    SELECT {MESSAGE_COLUMNS}, {ACCESS_COLUMNS} {MESSAGE_FROM}
    JOIN messaging_chatroom r ON r.chat_id = m.chat_id
    JOIN page ON page.chat_id = m.chat_id AND page.seq = m.seq
    ORDER BY m.created_at {{order}}, m.chat_id {{order}}, m.seq {{order}}
"""


class UnreadFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the unread messages."""

    chat_id: str | None = None
    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


def unread_page(*, viewer: Principal, filters: UnreadFilters) -> Reading[Found[Message]]:
    """The viewer's unread messages of one chat or of all, newest first.

    Two queries at most: the page, and the data keys that are not known yet. `NotFound` where
    `chat_id` is none of the viewer's.
    """
    turn = Turn.of(filters.cursor, filters.limit)
    than, order = turn.descending
    params: dict[str, Any] = {
        "viewer": viewer.id,
        "chat": filters.chat_id,
        "fetch": turn.fetch,
        "reach": turn.fetch + SPARE,
    }
    place = "TRUE"
    if turn.cursor is not None:
        ref = parse_message_id(turn.cursor.id)
        if ref is None:
            raise not_of_this_list()
        place = f"(m.created_at, m.chat_id, m.seq) {than} (%(at)s, %(at_chat)s, %(at_seq)s)"
        params |= {"at": turn.cursor.at, "at_chat": ref.chat_id, "at_seq": ref.seq}
    rows = yield Query(_PAGE_SQL.format(own=viewer.role, place=place, order=order), params)
    if not rows and filters.chat_id is not None:
        yield from access_chat(viewer=viewer, chat_id=filters.chat_id)
    store = yield from load_ciphers({row[0] for row in rows})
    return turn.page(rows, _place, lambda row: _render(row, viewer=viewer, store=store))


def _place(row: Row) -> tuple[Any, str]:
    return row[11], MessageRef(row[0], row[1]).id


def _render(row: Row, *, viewer: Principal, store: CipherStore) -> Message:
    chat = access_from_row(row[-ACCESS_WIDTH:])
    message = render_message(row[:-ACCESS_WIDTH], chat=chat, cipher=store.require(chat.id))
    return see(message, chat=chat, viewer_id=viewer.id)
