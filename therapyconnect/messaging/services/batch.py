"""`send_messages`: the one way to send, and to move a horizon. One transaction for a whole batch.

Lock the chats in id order; read them, and what the requests name, with fresh snapshots; judge each
request in memory; write all rows; commit. Two round trips however large the batch. Nothing is
acknowledged before the commit returned, and with `synchronous_commit` on that means: on disk.

Lock order everywhere: chats by id, then anything else of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncConnection, DataError, IntegrityError, InternalError, ProgrammingError

from therapyconnect.core import clock
from therapyconnect.core.errors import DomainError, Invalid
from therapyconnect.core.ids import MessageRef
from therapyconnect.core.queries import Row
from therapyconnect.messaging.selectors.access import ACCESS_COLUMNS, access_from_row
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.selectors.messages import (
    MESSAGE_COLUMNS,
    MESSAGE_FROM,
    render_message,
)
from therapyconnect.messaging.services.ledger import Book, Ledger, Quoted
from therapyconnect.messaging.services.requests import Advance, Outcome, Request, Send, Sent
from therapyconnect.vault import datakeys

Connection = AsyncConnection[Row]

_LOCK_SQL: Final = "SELECT id FROM messaging_chat WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
# After the lock, so that it sees what the lock's last holder committed. Index: primary keys.
_BOOKS_SQL: Final = f"""
    SELECT {ACCESS_COLUMNS},
           concat_ws(' ', nullif(t.first_name, ''), nullif(t.last_name, '')),
           concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, ''))
    FROM messaging_chat c
    JOIN messaging_chatroom r ON r.chat_id = c.id
    JOIN accounts_user t ON t.id = c.therapist_id
    JOIN accounts_user p ON p.id = c.patient_id
    WHERE c.id = ANY(%s)
"""
# Finds what another batch or another node wrote under the same client id.
# Index: message_once_per_client_id.
_WRITTEN_SQL: Final = """
    SELECT m.chat_id, m.sender_id, m.client_message_id, m.seq, m.fingerprint
    FROM unnest(%s::text[], %s::text[], %s::text[]) AS k (chat_id, sender_id, client_message_id)
    JOIN messaging_message m USING (chat_id, sender_id, client_message_id)
"""
_QUOTED_SQL: Final = """
    SELECT m.chat_id, m.seq, m.sender_id, m.version, m.text_sealed, m.deleted_at IS NOT NULL
    FROM unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)
    JOIN messaging_message m USING (chat_id, seq)
"""
_NEWEST_SQL: Final = """
    SELECT k.chat_id, k.seq, (SELECT m.seq FROM messaging_message m WHERE m.chat_id = k.chat_id
        AND m.seq <= k.seq ORDER BY m.seq DESC LIMIT 1)
    FROM unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)
"""
_INSERT_MESSAGES_SQL: Final = """
    INSERT INTO messaging_message (chat_id, seq, changed_seq, sender_id, client_message_id,
        fingerprint, message_type, emergency, version, text_sealed, payload_sealed, reply_to_seq,
        created_at)
    SELECT chat_id, seq, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
        1, text_sealed, payload_sealed, reply_to_seq, created_at
    FROM unnest(%b::text[], %b::bigint[], %b::text[], %b::text[], %b::bytea[], %b::text[],
        %b::bool[], %b::bytea[], %b::bytea[], %b::bigint[], %b::timestamptz[])
        AS v (chat_id, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
              text_sealed, payload_sealed, reply_to_seq, created_at)
"""
_INSERT_RECEIPTS_SQL: Final = """
    INSERT INTO messaging_receipt (chat_id, reader_id, kind, up_to_seq, at)
    SELECT * FROM unnest(%b::text[], %b::text[], %b::int[], %b::bigint[], %b::timestamptz[])
    ON CONFLICT DO NOTHING
"""
_UPDATE_CHATS_SQL: Final = """
    UPDATE messaging_chat c SET
        last_seq = v.last_seq, last_message_seq = v.last_message_seq,
        active_at = COALESCE(v.said_at, c.active_at),
        updated_at = COALESCE(v.said_at, c.updated_at),
        therapist_delivered_seq = v.t_delivered, therapist_read_seq = v.t_read,
        patient_delivered_seq = v.p_delivered, patient_read_seq = v.p_read,
        therapist_unread_count = v.t_unread, patient_unread_count = v.p_unread,
        therapist_marked_unread = c.therapist_marked_unread AND NOT v.t_unmark,
        patient_marked_unread = c.patient_marked_unread AND NOT v.p_unmark
    FROM unnest(%b::text[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::bigint[],
        %b::bigint[], %b::bigint[], %b::bigint[], %b::int[], %b::int[], %b::bool[], %b::bool[])
        AS v (id, last_seq, last_message_seq, said_at, t_delivered, t_read, p_delivered, p_read,
              t_unread, p_unread, t_unmark, p_unmark)
    WHERE c.id = v.id
"""
_RECOUNT_SQL: Final = """
    UPDATE messaging_chat c SET {side}_unread_count = (
        SELECT count(*) FROM messaging_message m WHERE m.chat_id = c.id
        AND m.seq > c.{side}_read_seq AND m.sender_id = c.{other}_id AND m.deleted_at IS NULL)
    WHERE c.id = ANY(%s)
"""


async def send_messages(connection: Connection, batch: Sequence[Request]) -> list[Outcome]:
    """Apply `batch` in one durable transaction; the answers are in the order of the requests.

    A request that breaks a rule fails alone. Where the database refuses the whole batch for one
    row's sake, each request is tried by itself. Lost connections and time-outs are raised: the
    outcome is then unknown, and sending again with the same `client_message_id` settles it.
    """
    try:
        return await _apply(connection, batch)
    except (DataError, IntegrityError, InternalError, ProgrammingError):
        await connection.rollback()
        if len(batch) == 1:
            return [Invalid("invalid", "The database refused this.")]
        return [(await send_messages(connection, [request]))[0] for request in batch]


async def _apply(connection: Connection, batch: Sequence[Request]) -> list[Outcome]:
    ledger = await _open_ledger(connection, batch)
    verdicts = [ledger.judge(request) for request in batch]
    repeated = [verdict for verdict in verdicts if isinstance(verdict, MessageRef)]
    stored = await _stored(connection, ledger, repeated) if repeated else {}
    await _write(connection, ledger)
    return [stored[v] if isinstance(v, MessageRef) else v for v in verdicts]


async def _open_ledger(connection: Connection, batch: Sequence[Request]) -> Ledger:
    """Begin, lock, and read all that the batch will be judged by: one round trip."""
    chat_ids = sorted({request.chat_id for request in batch})
    sends = [request for request in batch if isinstance(request, Send)]
    keys = {(s.chat_id, s.sender_id, s.client_message_id) for s in sends if s.client_message_id}
    named = {s.reply_to for s in sends if s.reply_to is not None}
    advances = [request for request in batch if isinstance(request, Advance)]
    named |= {MessageRef(a.chat_id, a.up_to) for a in advances if a.message and a.up_to}
    limits = {(a.chat_id, a.up_to) for a in advances if a.up_to is not None}
    store = cipher_store()
    missing = store.missing(chat_ids)
    async with connection.pipeline():
        await connection.execute("BEGIN")
        await connection.execute(_LOCK_SQL, (chat_ids,))
        books = await connection.execute(_BOOKS_SQL, (chat_ids,))
        written = await connection.execute(_WRITTEN_SQL, _columns(keys, 3)) if keys else None
        quoted = await connection.execute(_QUOTED_SQL, _columns(named, 2)) if named else None
        newest = await connection.execute(_NEWEST_SQL, _columns(limits, 2)) if limits else None
        wrapped = await connection.execute(datakeys.SELECT_SQL, (missing,)) if missing else None
    if wrapped is not None:
        store.add(await wrapped.fetchall())
    return Ledger(
        books={row[0]: _book(row) for row in await books.fetchall()},
        quoted={
            MessageRef(row[0], row[1]): Quoted(*row[2:])
            for row in (await quoted.fetchall() if quoted is not None else [])
        },
        written={
            (row[0], row[1], row[2]): (row[4], MessageRef(row[0], row[3]))
            for row in (await written.fetchall() if written is not None else [])
        },
        newest_message={
            (row[0], row[1]): row[2] or 0
            for row in (await newest.fetchall() if newest is not None else [])
        },
        now=clock.now(),
    )


def _book(row: Row) -> Book:
    access = access_from_row(row[:-2])
    names = {access.therapist_id: row[-2], access.patient_id: row[-1]}
    return Book(access=access, names=names, cipher=cipher_store().require(access.id))


async def _stored(
    connection: Connection, ledger: Ledger, refs: Sequence[MessageRef]
) -> dict[MessageRef, Sent | DomainError]:
    """Messages that were there already, as they stand now."""
    cursor = await connection.execute(
        f"SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}"
        " JOIN unnest(%s::text[], %s::bigint[]) AS k (chat_id, seq)"
        " ON k.chat_id = m.chat_id AND k.seq = m.seq",
        _columns(set(refs), 2),
    )
    found: dict[MessageRef, Sent | DomainError] = {}
    for row in await cursor.fetchall():
        book = ledger.books[row[0]]
        try:
            message = render_message(row, chat=book.access, cipher=book.cipher)
        except DomainError as damage:
            found[MessageRef(row[0], row[1])] = damage
            continue
        found[MessageRef(row[0], row[1])] = Sent(
            message, False, book.access.therapist_id, book.access.patient_id
        )
    return found


async def _write(connection: Connection, ledger: Ledger) -> None:
    """Write what the ledger decided and commit: one round trip."""
    touched = [book for book in ledger.books.values() if book.touched]
    async with connection.pipeline():
        if ledger.messages:
            await connection.execute(_INSERT_MESSAGES_SQL, _columns(ledger.messages, 11))
        if ledger.receipts:
            await connection.execute(_INSERT_RECEIPTS_SQL, _columns(ledger.receipts, 5))
        if touched:
            await connection.execute(_UPDATE_CHATS_SQL, _chat_columns(touched))
        for side, other in (("therapist", "patient"), ("patient", "therapist")):
            ids = [book.access.id for book in touched if side in book.recount]
            if ids:
                await connection.execute(_RECOUNT_SQL.format(side=side, other=other), (ids,))
        await connection.execute("COMMIT")


def _chat_columns(books: Sequence[Book]) -> list[list[Any]]:
    return _columns(
        [
            (
                book.access.id,
                book.access.last_seq,
                book.access.last_message_seq,
                book.said_at,
                book.access.therapist_delivered_seq,
                book.access.therapist_read_seq,
                book.access.patient_delivered_seq,
                book.access.patient_read_seq,
                book.access.therapist_unread_count,
                book.access.patient_unread_count,
                "therapist" in book.unmarked,
                "patient" in book.unmarked,
            )
            for book in books
        ],
        12,
    )


def _columns(rows: Any, width: int) -> list[list[Any]]:
    """Rows turned into columns, for `unnest`."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * width
