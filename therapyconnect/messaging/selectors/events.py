"""Resume: every durable change of a chat after a number, in order.

REST's `events/`, a socket that resumes and a stream that saw a gap read through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import Invalid
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.selectors import forks
from therapyconnect.messaging.selectors.access import (
    ACCESS_SQL,
    ChatAccess,
    access_chat,
    access_from_row,
)
from therapyconnect.messaging.selectors.chats import chat_for_both
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.happenings import Happening, event_for
from therapyconnect.messaging.selectors.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_FROM,
    messages_by_seq,
    render_message,
)
from therapyconnect.messaging.shapes import Events, Horizons, Message, Receipts

_CREATED_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    WHERE m.chat_id = %s AND m.seq > %s AND m.seq <= %s ORDER BY m.seq LIMIT %s
"""
# Each number of a chat is either a message's or one of these.
_CHANGED_SQL: Final = """
    SELECT e.seq, e.type, e.at, e.actor_id, e.message_seq,
           e.version IS NULL OR e.version = (SELECT m.version FROM messaging_message m
                                             WHERE m.chat_id = e.chat_id AND m.seq = e.message_seq)
    FROM messaging_chatevent e
    WHERE e.chat_id = %s AND e.seq > %s AND e.seq <= %s ORDER BY e.seq LIMIT %s
"""

_FLAGGED_SQL: Final = """
    SELECT e.message_seq FROM messaging_chatevent e
    WHERE e.chat_id = %s AND e.seq > %s AND e.type = 'emergency_flagged' AND e.message_seq = ANY(%s)
"""


class EventFilters(msgspec.Struct, kw_only=True):
    """Query parameters of `events/`."""

    after_seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: Limit = DEFAULT_LIMIT


@dataclass(slots=True)
class Stretch:
    """A piece of a chat's sequence, and the chat as it stood when that was read.

    `gap`: the cursor may be of before a restore, so there is no piece; the reader begins afresh.
    """

    chat: ChatAccess
    happenings: list[Happening]
    gap: bool = False


def receipts_of(chat: ChatAccess) -> Receipts:
    return Receipts(
        therapist=Horizons(chat.therapist_delivered_seq, chat.therapist_read_seq),
        patient=Horizons(chat.patient_delivered_seq, chat.patient_read_seq),
    )


def happenings_after(chat: ChatAccess, *, after_seq: int, limit: int) -> Reading[list[Happening]]:
    """Up to `limit` after `after_seq`, and none beyond the `last_seq` that `chat` shows."""
    if after_seq >= chat.last_seq:
        return []
    store = yield from load_ciphers([chat.id])
    stretch = (chat.id, after_seq, chat.last_seq, limit)
    rows = yield Query(_CREATED_SQL, stretch)
    changes = yield Query(_CHANGED_SQL, stretch)
    cipher = store.require(chat.id)
    messages = {row[1]: render_message(row, chat=chat, cipher=cipher) for row in rows}
    found = [Happening.created(message) for message in messages.values()]
    urgent = [message.seq for message in messages.values() if message.emergency]
    if urgent:
        flagged = yield Query(_FLAGGED_SQL, (chat.id, after_seq, urgent))
        later = {row[0] for row in flagged}
        for happening in found:
            happening.flagged_later = happening.seq in later
    if changes:
        found += yield from _changes(chat, changes, messages, stretch)
        found.sort(key=lambda happening: happening.seq)
    return found[:limit]


def _changes(
    chat: ChatAccess,
    rows: list[Row],
    messages: dict[int, Message],
    stretch: tuple[str, int, int, int],
) -> Reading[list[Happening]]:
    named = {row[4] for row in rows if row[4] is not None}
    if older := named - messages.keys():
        messages = messages | (yield from messages_by_seq(chat, older))
        # Which edit stands is asked after the words were read: before, an edit that came in between
        # would have its words told as those of the one before it.
        rows = yield Query(_CHANGED_SQL, stretch)
    chats = None
    if any(row[4] is None for row in rows):
        chats = yield from chat_for_both(chat_id=chat.id)
    return [
        Happening(
            seq,
            kind,
            at,
            actor_id,
            message=messages[message_seq] if message_seq is not None else None,
            chats=chats if message_seq is None else None,
            current=current,
        )
        for seq, kind, at, actor_id, message_seq, current in rows
    ]


def stretch_for(*, viewer: Principal, chat_id: str, after_seq: int, limit: int) -> Reading[Stretch]:
    """One page of what `viewer` missed; a cursor ahead of the chat is refused."""
    chat = yield from access_chat(viewer=viewer, chat_id=chat_id)
    if after_seq > chat.last_seq:
        raise Invalid("cursor_ahead", "The chat has no such number yet.", "after_seq")
    if not forks.trusted(viewer, chat, after_seq):
        return Stretch(chat, [], gap=True)
    return Stretch(chat, (yield from happenings_after(chat, after_seq=after_seq, limit=limit)))


def resume(*, viewer: Principal, chat_id: str, after_seq: int, limit: int) -> Reading[Events]:
    """The same as REST answers it."""
    stretch = yield from stretch_for(
        viewer=viewer, chat_id=chat_id, after_seq=after_seq, limit=limit
    )
    chat = stretch.chat
    if stretch.gap:
        detail = "The chat was restored from a backup: fetch it afresh."
        raise Invalid("cursor_ahead", detail, "after_seq")
    return Events(
        events=[event_for(h, viewer_id=viewer.id, chat=chat) for h in stretch.happenings],
        last_seq=chat.last_seq,
        receipts=receipts_of(chat),
    )


def stretch_for_stream(*, chat_id: str, after_seq: int, limit: int) -> Reading[Stretch | None]:
    """The same for the server's own stream of a chat, which feeds its participants only."""
    rows = yield Query(ACCESS_SQL, (chat_id,))
    if not rows:
        return None
    chat = access_from_row(rows[0])
    return Stretch(chat, (yield from happenings_after(chat, after_seq=after_seq, limit=limit)))
