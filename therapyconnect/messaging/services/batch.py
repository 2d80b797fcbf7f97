"""`send_messages`: the one way to send, and to move a horizon. One transaction for a whole batch.

Lock the chats in id order; read them, and what the requests name, with fresh snapshots; judge each
request in memory; write all rows; commit. Two round trips however large the batch. Nothing is
acknowledged before the commit returned, and with `synchronous_commit` on that means: on disk.

Lock order everywhere: chats by id, then anything else of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import structlog
from psycopg import DataError, IntegrityError

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
from therapyconnect.messaging.services.roundtrip import (
    Connection,
    RoundTrip,
    Statements,
    blobs,
    booleans,
    moment,
    numbers,
    prepare,
    texts,
)
from therapyconnect.vault import datakeys

log = structlog.get_logger("therapyconnect.messaging.batch")

_COMMIT_SQL: Final = "COMMIT"
_LOCK_SQL: Final = "SELECT id FROM messaging_chat WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"
# After the lock, so that it sees what the lock's last holder committed. Index: primary keys.
_BOOKS_SQL: Final = f"""
    SELECT {ACCESS_COLUMNS},
           concat_ws(' ', nullif(t.first_name, ''), nullif(t.last_name, '')),
           concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, ''))
    FROM messaging_chat c
    JOIN messaging_chatroom r ON r.chat_id = c.id
    JOIN accounts_user t ON t.id = c.therapist_id
    JOIN accounts_user p ON p.id = c.patient_id
    WHERE c.id = ANY($1)
"""
# Finds what another batch or another node wrote under the same client id.
# Index: message_once_per_client_id.
_WRITTEN_SQL: Final = """
    SELECT m.chat_id, m.sender_id, m.client_message_id, m.seq, m.fingerprint
    FROM unnest($1::text[], $2::text[], $3::text[]) AS k (chat_id, sender_id, client_message_id)
    JOIN messaging_message m USING (chat_id, sender_id, client_message_id)
"""
_QUOTED_SQL: Final = """
    SELECT m.chat_id, m.seq, m.sender_id, m.version, m.text_sealed, m.deleted_at IS NOT NULL
    FROM unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
    JOIN messaging_message m USING (chat_id, seq)
"""
_NEWEST_SQL: Final = """
    SELECT k.chat_id, k.seq, (SELECT m.seq FROM messaging_message m WHERE m.chat_id = k.chat_id
        AND m.seq <= k.seq ORDER BY m.seq DESC LIMIT 1)
    FROM unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
"""
_STORED_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    JOIN unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
        ON k.chat_id = m.chat_id AND k.seq = m.seq
"""
_INSERT_MESSAGES_SQL: Final = """
    INSERT INTO messaging_message (chat_id, seq, changed_seq, sender_id, client_message_id,
        fingerprint, message_type, emergency, version, text_sealed, payload_sealed, reply_to_seq,
        created_at)
    SELECT chat_id, seq, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
        1, text_sealed, payload_sealed, reply_to_seq, $11::timestamptz
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[],
        $7::bool[], $8::bytea[], $9::bytea[], $10::bigint[])
        AS v (chat_id, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
              text_sealed, payload_sealed, reply_to_seq)
"""
_INSERT_RECEIPTS_SQL: Final = """
    INSERT INTO messaging_receipt (chat_id, reader_id, kind, up_to_seq, at)
    SELECT v.*, $5::timestamptz
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
        AS v (chat_id, reader_id, kind, up_to_seq)
    ON CONFLICT DO NOTHING
"""
_UPDATE_CHATS_SQL: Final = """
    UPDATE messaging_chat c SET
        last_seq = v.last_seq, last_message_seq = v.last_message_seq,
        active_at = CASE WHEN v.said THEN $13::timestamptz ELSE c.active_at END,
        updated_at = CASE WHEN v.said THEN $13::timestamptz ELSE c.updated_at END,
        therapist_delivered_seq = v.t_delivered, therapist_read_seq = v.t_read,
        patient_delivered_seq = v.p_delivered, patient_read_seq = v.p_read,
        therapist_unread_count = v.t_unread, patient_unread_count = v.p_unread,
        therapist_marked_unread = c.therapist_marked_unread AND NOT v.t_unmark,
        patient_marked_unread = c.patient_marked_unread AND NOT v.p_unmark
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bool[], $11::bool[], $12::bool[])
        AS v (id, last_seq, last_message_seq, t_delivered, t_read, p_delivered, p_read,
              t_unread, p_unread, t_unmark, p_unmark, said)
    WHERE c.id = v.id
"""
_RECOUNT_SQL: Final = """
    UPDATE messaging_chat c SET {side}_unread_count = (
        SELECT count(*) FROM messaging_message m WHERE m.chat_id = c.id
        AND m.seq > c.{side}_read_seq AND m.sender_id = c.{other}_id AND m.deleted_at IS NULL)
    WHERE c.id = ANY($1)
"""


def _statements() -> Statements:
    """Every statement of a lane, by the name under which its connection has it prepared."""
    return {
        "begin": "BEGIN",
        "lock": _LOCK_SQL,
        "books": _BOOKS_SQL,
        "written": _WRITTEN_SQL,
        "quoted": _QUOTED_SQL,
        "newest": _NEWEST_SQL,
        "data_keys": datakeys.SELECT_SQL.replace("%s", "$1"),
        "stored": _STORED_SQL,
        "insert_messages": _INSERT_MESSAGES_SQL,
        "insert_receipts": _INSERT_RECEIPTS_SQL,
        "update_chats": _UPDATE_CHATS_SQL,
        "recount_therapist": _RECOUNT_SQL.format(side="therapist", other="patient"),
        "recount_patient": _RECOUNT_SQL.format(side="patient", other="therapist"),
        "commit": _COMMIT_SQL,
    }


async def send_messages(connection: Connection, batch: Sequence[Request]) -> list[Outcome]:
    """Apply `batch` in one durable transaction; the answers are in the order of the requests.

    A request that breaks a rule fails alone. Where the database refuses the whole batch for one
    row's sake, each request is tried by itself. Lost connections and time-outs are raised: the
    outcome is then unknown, and sending again with the same `client_message_id` settles it.
    """
    await prepare(connection, _statements)
    try:
        return await _apply(connection, batch)
    except (DataError, IntegrityError) as error:
        await connection.rollback()
        if len(batch) == 1:
            log.warning("batch.refused", sqlstate=error.sqlstate, chat_id=batch[0].chat_id)
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
    locked = texts(chat_ids)
    trip = RoundTrip(connection)
    trip.add("begin")
    trip.add("lock", locked)
    books = trip.add("books", locked)
    written = trip.add("written", *map(texts, _columns(keys, 3))) if keys else []
    quoted = trip.add("quoted", *_chats_and_numbers(named)) if named else []
    newest = trip.add("newest", *_chats_and_numbers(limits)) if limits else []
    wrapped = trip.add("data_keys", texts(missing)) if missing else []
    await trip.run()
    store.add(wrapped)
    return Ledger(
        books={row[0]: _book(row) for row in books},
        quoted={MessageRef(row[0], row[1]): Quoted(*row[2:]) for row in quoted},
        written={(row[0], row[1], row[2]): (row[4], MessageRef(row[0], row[3])) for row in written},
        newest_message={(row[0], row[1]): row[2] or 0 for row in newest},
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
    trip = RoundTrip(connection)
    rows = trip.add("stored", *_chats_and_numbers(set(refs)))
    await trip.run()
    found: dict[MessageRef, Sent | DomainError] = {}
    for row in rows:
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
    now = moment(ledger.now)
    trip = RoundTrip(connection)
    if ledger.messages:
        trip.add("insert_messages", *_message_columns(ledger.messages), now)
    if ledger.receipts:
        chats, readers, kinds, up_to = _columns(ledger.receipts, 4)
        trip.add(
            "insert_receipts", texts(chats), texts(readers), numbers(kinds), numbers(up_to), now
        )
    touched = [book for book in ledger.books.values() if book.touched]
    if touched:
        trip.add("update_chats", *_chat_columns(touched), now)
    for side in ("therapist", "patient"):
        ids = [book.access.id for book in touched if side in book.recount]
        if ids:
            trip.add(f"recount_{side}", texts(ids))
    trip.add("commit")
    await trip.run()


def _message_columns(messages: Sequence[tuple[Any, ...]]) -> list[bytes]:
    chats, seqs, senders, ids, digests, types, emergencies, sealed, payloads, replies = zip(
        *messages, strict=True
    )
    return [
        texts(chats), numbers(seqs), texts(senders), texts(ids), blobs(digests), texts(types),
        booleans(emergencies), blobs(sealed), blobs(payloads), numbers(replies),
    ]  # fmt: skip


def _chat_columns(books: Sequence[Book]) -> list[bytes]:
    chats = [book.access for book in books]
    return [
        texts(chat.id for chat in chats),
        numbers(chat.last_seq for chat in chats),
        numbers(chat.last_message_seq for chat in chats),
        numbers(chat.therapist_delivered_seq for chat in chats),
        numbers(chat.therapist_read_seq for chat in chats),
        numbers(chat.patient_delivered_seq for chat in chats),
        numbers(chat.patient_read_seq for chat in chats),
        numbers(chat.therapist_unread_count for chat in chats),
        numbers(chat.patient_unread_count for chat in chats),
        booleans("therapist" in book.unmarked for book in books),
        booleans("patient" in book.unmarked for book in books),
        booleans(book.said_at is not None for book in books),
    ]


def _chats_and_numbers(rows: Iterable[tuple[str, int]]) -> list[bytes]:
    chats, seqs = _columns(rows, 2)
    return [texts(chats), numbers(seqs)]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    """Rows turned into columns, for `unnest`."""
    return list(zip(*rows, strict=True)) or [()] * width
