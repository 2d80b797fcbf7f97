"""Resume: every durable change of a chat after a number, in order.

REST's `events/`, a socket that resumes and a stream that saw a gap read through here.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import Invalid
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.selectors.access import (
    ACCESS_SQL,
    ChatAccess,
    access_chat,
    access_from_row,
)
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_FROM,
    render_message,
)
from therapyconnect.messaging.shapes import Event, Events, Horizons, Receipts

_EVENTS_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    WHERE m.chat_id = %s AND m.seq > %s AND m.seq <= %s ORDER BY m.seq LIMIT %s
"""


class EventFilters(msgspec.Struct, kw_only=True):
    """Query parameters of `events/`."""

    after_seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Limit = DEFAULT_LIMIT


def receipts_of(chat: ChatAccess) -> Receipts:
    return Receipts(
        therapist=Horizons(chat.therapist_delivered_seq, chat.therapist_read_seq),
        patient=Horizons(chat.patient_delivered_seq, chat.patient_read_seq),
    )


def events_after(chat: ChatAccess, *, after_seq: int, limit: int) -> Reading[list[Event]]:
    """Up to `limit` events after `after_seq`, and none beyond the `last_seq` that `chat` shows."""
    if after_seq >= chat.last_seq:
        return []
    store = yield from load_ciphers([chat.id])
    rows = yield Query(_EVENTS_SQL, (chat.id, after_seq, chat.last_seq, limit))
    cipher = store.require(chat.id)
    events = []
    for row in rows:
        message = render_message(row, chat=chat, cipher=cipher)
        events.append(
            Event(
                seq=message.seq,
                type="message_created",
                at=message.timestamp,
                actor_id=message.sender_id,
                message=message,
            )
        )
    return events


def resume(*, viewer: Principal, chat_id: str, after_seq: int, limit: int) -> Reading[Events]:
    """One page of what `viewer` missed; a cursor ahead of the chat is refused."""
    chat = yield from access_chat(viewer=viewer, chat_id=chat_id)
    if after_seq > chat.last_seq:
        raise Invalid("cursor_ahead", "The chat has no such number yet.", "after_seq")
    events = yield from events_after(chat, after_seq=after_seq, limit=limit)
    return Events(events=events, last_seq=chat.last_seq, receipts=receipts_of(chat))


def events_for_stream(*, chat_id: str, after_seq: int, limit: int) -> Reading[list[Event]]:
    """The same for the server's own stream of a chat, which feeds its participants only."""
    rows = yield Query(ACCESS_SQL, (chat_id,))
    if not rows:
        return []
    chat = access_from_row(rows[0])
    return (yield from events_after(chat, after_seq=after_seq, limit=limit))
