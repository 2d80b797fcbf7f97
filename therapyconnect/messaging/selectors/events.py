"""Resume: every durable change of a chat after a number, in order.

REST's `events/`, a socket that resumes and a stream that saw a gap read through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    MANY_ACCESS_SQL,
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
    MESSAGE_JOINS,
    render_message,
)
from therapyconnect.messaging.shapes import ChatDetail, Events, Horizons, Message, Receipts
from therapyconnect.vault.datakeys import CipherStore

# A piece of each chat's sequence, by primary key. Each number of a chat is either a message's or a
# ChatEvent's, so a piece of so many numbers holds so many rows of the two, and no more are read.
# The LIMIT is never reached: it keeps the planner from joining first and then throwing a whole
# chat away but for its piece.
_PIECES: Final = """
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS k (chat_id, above, up_to)
    CROSS JOIN LATERAL (
        SELECT x.* FROM {table} x
        WHERE x.chat_id = k.chat_id AND x.seq > k.above AND x.seq <= k.up_to
        ORDER BY x.seq LIMIT k.up_to - k.above
    ) {name}
"""
_CREATED_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {_PIECES.format(table="messaging_message", name="m")} {MESSAGE_JOINS}
"""
_CHANGED_SQL: Final = f"""
    SELECT e.chat_id, e.seq, e.type, e.at, e.actor_id, e.message_seq,
           e.version IS NULL OR e.version = (SELECT m.version FROM messaging_message m
                                             WHERE m.chat_id = e.chat_id AND m.seq = e.message_seq)
    {_PIECES.format(table="messaging_chatevent", name="e")}
"""
_NAMED_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    JOIN unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)
        ON m.chat_id = k.chat_id AND m.seq = k.seq
"""
_FLAGGED_SQL: Final = """
    SELECT e.chat_id, e.message_seq
    FROM unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)
    JOIN messaging_chatevent e ON e.chat_id = k.chat_id AND e.message_seq = k.seq
        AND e.seq > k.seq AND e.type = 'emergency_flagged'
"""
_Key = tuple[str, int]


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
    return (yield from _happenings([(chat, after_seq)], limit=limit))[chat.id]


def _happenings(
    asked: Sequence[tuple[ChatAccess, int]], *, limit: int
) -> Reading[dict[str, list[Happening]]]:
    """The same of many chats, `limit` of each: as many queries as for one."""
    found: dict[str, list[Happening]] = {chat.id: [] for chat, _ in asked}
    chats = {chat.id: chat for chat, after in asked if after < chat.last_seq}
    if not chats:
        return found
    store = yield from load_ciphers(chats)
    ahead = [(chat, after) for chat, after in asked if chat.id in chats]
    pieces = (
        [chat.id for chat, _ in ahead],
        [after for _, after in ahead],
        [min(chat.last_seq, after + limit) for chat, after in ahead],
    )
    rows = yield Query(_CREATED_SQL, pieces)
    changes = yield Query(_CHANGED_SQL, pieces)
    messages = _rendered(rows, chats, store)
    created = [Happening.created(message) for message in messages.values()]
    yield from _mark_flagged(created)
    for happening in created:
        assert happening.message is not None
        found[happening.message.chat_id].append(happening)
    if changes:
        yield from _add_changes(found, changes, messages, pieces, chats)
    for happenings in found.values():
        happenings.sort(key=lambda happening: happening.seq)
    return found


def _rendered(
    rows: Iterable[Row], chats: Mapping[str, ChatAccess], store: CipherStore
) -> dict[_Key, Message]:
    return {
        (row[0], row[1]): render_message(row, chat=chats[row[0]], cipher=store.require(row[0]))
        for row in rows
    }


def _mark_flagged(created: Iterable[Happening]) -> Reading[None]:
    """Of urgent messages, note those that became so only after they were said."""
    urgent = {
        (said.message.chat_id, said.seq): said
        for said in created
        if said.message is not None and said.message.emergency
    }
    if urgent:
        flagged = yield Query(_FLAGGED_SQL, _columns(urgent))
        for chat_id, seq in flagged:
            urgent[chat_id, seq].flagged_later = True


def _add_changes(
    found: dict[str, list[Happening]],
    rows: list[Row],
    messages: dict[_Key, Message],
    pieces: tuple[list[str], list[int], list[int]],
    chats: Mapping[str, ChatAccess],
) -> Reading[None]:
    """Add what is no message's creation to what was found of each chat."""
    named = {(row[0], row[5]) for row in rows if row[5] is not None}
    if older := named - messages.keys():
        store = yield from load_ciphers(chats)
        named_rows = yield Query(_NAMED_SQL, _columns(older))
        messages = messages | _rendered(named_rows, chats, store)
        # Which edit stands is asked after the words were read: before, an edit that came in between
        # would have its words told as those of the one before it.
        rows = yield Query(_CHANGED_SQL, pieces)
    details: dict[str, Mapping[str, ChatDetail]] = {}
    for chat_id in sorted({row[0] for row in rows if row[5] is None}):
        details[chat_id] = yield from chat_for_both(chat_id=chat_id)
    for chat_id, seq, kind, at, actor_id, message_seq, current in rows:
        found[chat_id].append(
            Happening(
                seq,
                kind,
                at,
                actor_id,
                message=messages[chat_id, message_seq] if message_seq is not None else None,
                chats=details[chat_id] if message_seq is None else None,
                current=current,
            )
        )


def _columns(keys: Iterable[_Key]) -> tuple[list[str], list[int]]:
    pairs = sorted(keys)
    return [chat_id for chat_id, _ in pairs], [seq for _, seq in pairs]


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


def stretches_for_streams(
    asked: Mapping[str, int], *, limit: int
) -> Reading[dict[str, Stretch | None]]:
    """The same for the server's own streams, which feed their chats' participants only.

    `asked`: of each chat the number after which to read. Four queries for all of them, and up to
    three more where something was changed. None for a chat that there is not.
    """
    rows = yield Query(MANY_ACCESS_SQL, (list(asked),))
    chats = [access_from_row(row) for row in rows]
    found = yield from _happenings([(chat, asked[chat.id]) for chat in chats], limit=limit)
    told: dict[str, Stretch | None] = dict.fromkeys(asked)
    told.update({chat.id: Stretch(chat, found[chat.id]) for chat in chats})
    return told
