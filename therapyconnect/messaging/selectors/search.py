"""Search: sealed words are opened and looked through, newest first, for a bounded time.

There is no index of words: it would have to be readable to be of use, and then so would they. Each
of the viewer's chats is a strand, read from its newest message down in blocks; a heap merges them.
A page ends with its limit, with its time, or with the last strand, and its cursor names the last
message that was looked at.

A place in the list is `(time, chat, number)`. Should a clock have been set back, a message counts
as old as the oldest one said after it in its chat: so a strand never goes back up, its numbers
alone tell what is left of it, and pages neither repeat nor skip.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import MessageRef, parse_chat_id, parse_message_id
from therapyconnect.core.pagination import DEFAULT_LIMIT, Cursor, Limit, decode_cursor
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.policies.folding import fold, needle_of
from therapyconnect.messaging.selectors.access import (
    ACCESS_COLUMNS,
    ACCESS_WIDTH,
    ChatAccess,
    access_chat,
    access_from_row,
)
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.keyset import not_of_this_list
from therapyconnect.messaging.selectors.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_FROM,
    render_message,
    see,
)
from therapyconnect.messaging.selectors.seals import open_text
from therapyconnect.messaging.shapes import Message
from therapyconnect.vault.cipher import Cipher

FIRST_BLOCK: Final = 20
BLOCK: Final = 200
FEW: Final = 2
STRANDS_AT_ONCE: Final = 10
ROWS_AT_ONCE: Final = 1000

# The newest message of each chat that the cursor has not passed. Deleted ones are passed like
# any other, so that a page does not depend on what is deleted meanwhile. Index: the primary key,
# from its end; a cursor deep in the past walks down to it. Ids are compared as Python does.
_HEADS_SQL: Final = f"""
    SELECT {ACCESS_COLUMNS}, h.seq, h.created_at
    FROM messaging_chat c JOIN messaging_chatroom r ON r.chat_id = c.id
    CROSS JOIN LATERAL (
        SELECT m.seq, m.created_at FROM messaging_message m
        WHERE m.chat_id = c.id AND m.seq > c.{{side}}_hidden_seq AND {{ahead}}
        ORDER BY m.seq DESC LIMIT 1
    ) h
    WHERE c.{{side}}_id = %(viewer)s AND c.deleted_at IS NULL
      AND (%(chat)s::text IS NULL OR c.id = %(chat)s)
"""
_AHEAD_SQL: Final = """CASE
    WHEN c.id = %(at_chat)s THEN m.seq < %(at_seq)s
    WHEN c.id COLLATE "C" > %(at_chat)s THEN m.created_at <= %(at)s
    ELSE m.created_at < %(at)s END"""
_BLOCKS_SQL: Final = """
    SELECT m.chat_id, m.seq, m.created_at, m.version, m.text_sealed
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::int[])
        AS k (chat_id, up_to, hidden, size)
    CROSS JOIN LATERAL (
        SELECT x.chat_id, x.seq, x.created_at, x.version,
               CASE WHEN x.deleted_at IS NULL THEN x.text_sealed END AS text_sealed
        FROM messaging_message x
        WHERE x.chat_id = k.chat_id AND x.seq <= k.up_to AND x.seq > k.hidden
        ORDER BY x.seq DESC LIMIT k.size
    ) m
    ORDER BY m.chat_id, m.seq DESC
"""
# What was deleted or hidden since it was looked at is not shown.
_FOUND_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    JOIN unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)
        ON k.chat_id = m.chat_id AND k.seq = m.seq
    WHERE m.deleted_at IS NULL AND c.deleted_at IS NULL AND m.seq > c.{{side}}_hidden_seq
"""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class SearchFilters(msgspec.Struct, kw_only=True):
    """Query parameters of a search; what to look for is in the body."""

    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


class SearchPage(msgspec.Struct):
    """What was found, and where to go on looking; None where all was looked through."""

    messages: list[Message]
    next: Cursor | None


class Place(NamedTuple):
    """Sorts as the results do: newest first, then by chat, then by number from the top."""

    minus_microseconds: int
    chat_id: str
    minus_seq: int

    @classmethod
    def of(cls, at: datetime, chat_id: str, seq: int) -> Place:
        return cls((_EPOCH - at) // _MICROSECOND, chat_id, -seq)

    @property
    def ref(self) -> MessageRef:
        return MessageRef(self.chat_id, -self.minus_seq)

    @property
    def cursor(self) -> Cursor:
        return Cursor(_EPOCH - self.minus_microseconds * _MICROSECOND, self.ref.id)


@dataclass(slots=True)
class Strand:
    """One chat on its way down. `loaded`: the rows read and not yet looked at."""

    chat: ChatAccess
    hidden_seq: int
    up_to: int
    ceiling: datetime
    loaded: deque[tuple[Place, int, bytes | None]] = field(default_factory=deque)
    cipher: Cipher | None = None
    size: int = FIRST_BLOCK
    finished: bool = False

    def take(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """A block of rows `(chat_id, seq, created_at, version, text_sealed)`, newest first."""
        count = 0
        for chat_id, seq, created_at, version, sealed in rows:
            count += 1
            self.up_to = seq - 1
            self.ceiling = min(self.ceiling, created_at)
            self.loaded.append((Place.of(self.ceiling, chat_id, seq), version, sealed))
        self.finished = count < self.size
        self.size = BLOCK


def search_page(
    *,
    viewer: Principal,
    q: str,
    chat_id: str | None,
    filters: SearchFilters,
    seconds: float,
) -> Reading[SearchPage]:
    """Messages of the viewer's chats that hold `q`, newest first, looked for at most so long.

    At least one message is looked at, so that each page leads further than the one before it.
    `Invalid`: nothing to look for, or a cursor that is none; `NotFound`: not the viewer's chat.
    """
    deadline = time.monotonic() + seconds
    needle = needle_of(q)
    cursor = decode_cursor(filters.cursor) if filters.cursor is not None else None
    strands = yield from _strands(viewer, chat_id, cursor)
    hits: list[MessageRef] = []
    last: Place | None = None
    heap = [(Place.of(s.ceiling, s.chat.id, s.up_to), s.chat.id) for s in strands.values()]
    heapq.heapify(heap)
    while heap:
        strand = strands[heap[0][1]]
        if not strand.loaded:
            yield from _load([strands[name] for _, name in heapq.nsmallest(STRANDS_AT_ONCE, heap)])
            _sink(heap, strand)
            continue
        last, version, sealed = strand.loaded.popleft()
        if sealed is not None:
            assert strand.cipher is not None
            text = open_text(strand.cipher, sealed, seq=last.ref.seq, version=version)
            if needle in fold(text):
                hits.append(last.ref)
        _sink(heap, strand)
        if len(hits) == filters.limit or time.monotonic() >= deadline:
            break
    messages = yield from _render(viewer, strands, hits, needle)
    return SearchPage(messages, last.cursor if heap and last is not None else None)


def _sink(heap: list[tuple[Place, str]], strand: Strand) -> None:
    """Put the topmost strand where its next message belongs, or away where there is none."""
    if strand.loaded:
        heapq.heapreplace(heap, (strand.loaded[0][0], strand.chat.id))
    elif strand.finished:
        heapq.heappop(heap)
    # Else it stays on top: what it goes on with must be read before it can be placed.


def _strands(
    viewer: Principal, chat_id: str | None, cursor: Cursor | None
) -> Reading[dict[str, Strand]]:
    """The viewer's chats that have messages beyond the cursor, by their id."""
    if chat_id is not None and viewer.id not in (parse_chat_id(chat_id) or ()):
        raise NotFound()
    params: dict[str, Any] = {"viewer": viewer.id, "chat": chat_id}
    if cursor is not None:
        place = parse_message_id(cursor.id)
        if place is None or cursor.back:
            raise not_of_this_list()
        params |= {"at": cursor.at, "at_chat": place.chat_id, "at_seq": place.seq}
    ahead = "TRUE" if cursor is None else _AHEAD_SQL
    rows = yield Query(_HEADS_SQL.format(side=viewer.role, ahead=ahead), params)
    if not rows and chat_id is not None:
        yield from access_chat(viewer=viewer, chat_id=chat_id)
    strands: dict[str, Strand] = {}
    for row in rows:
        chat = access_from_row(row[:ACCESS_WIDTH])
        seq, created_at = row[ACCESS_WIDTH:]
        ceiling = created_at if cursor is None else min(created_at, cursor.at)
        strands[chat.id] = Strand(chat, chat.hidden_seq_of(viewer.id), seq, ceiling)
    return strands


def _load(strands: list[Strand]) -> Reading[None]:
    """The next block of the first of `strands`, and of those after it that soon need theirs."""
    wanted: dict[str, Strand] = {}
    rows_left = ROWS_AT_ONCE
    for strand in strands:
        if strand.finished or len(strand.loaded) > FEW or strand.size > rows_left:
            continue
        rows_left -= strand.size
        wanted[strand.chat.id] = strand
    store = yield from load_ciphers(wanted)
    rows = yield Query(
        _BLOCKS_SQL,
        (
            list(wanted),
            [strand.up_to for strand in wanted.values()],
            [strand.hidden_seq for strand in wanted.values()],
            [strand.size for strand in wanted.values()],
        ),
    )
    blocks: dict[str, list[tuple[Any, ...]]] = {name: [] for name in wanted}
    for row in rows:
        blocks[row[0]].append(row)
    for name, block in blocks.items():
        wanted[name].cipher = store.require(name)
        wanted[name].take(block)


def _render(
    viewer: Principal, strands: dict[str, Strand], hits: list[MessageRef], needle: str
) -> Reading[list[Message]]:
    """The messages found, as the viewer sees them now, in the order of `hits`."""
    if not hits:
        return []
    store = yield from load_ciphers({ref.chat_id for ref in hits})
    rows = yield Query(
        _FOUND_SQL.format(side=viewer.role),
        ([ref.chat_id for ref in hits], [ref.seq for ref in hits]),
    )
    found: dict[MessageRef, Message] = {}
    for row in rows:
        chat = strands[row[0]].chat
        message = render_message(row, chat=chat, cipher=store.require(chat.id))
        if message.text is not None and needle in fold(message.text):
            found[MessageRef(chat.id, message.seq)] = see(message, chat=chat, viewer_id=viewer.id)
    return [found[ref] for ref in hits if ref in found]
