"""`send_messages`: the one way to send, to change, and to move a horizon. One transaction a batch.

Lock the chats in id order; read them, and what the requests name, with fresh snapshots; judge each
request in memory; write all rows; commit. Two round trips however large the batch. Nothing is
acknowledged before the commit returned, and with `synchronous_commit` on that means: on disk.

Lock order everywhere: chats by id, then anything else of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from django.conf import settings
from psycopg import DataError, IntegrityError

from therapyconnect.attachments.selectors import Stored
from therapyconnect.core import clock
from therapyconnect.core.errors import DomainError, Invalid
from therapyconnect.core.ids import AttachmentRef, MessageRef
from therapyconnect.core.queries import Row
from therapyconnect.messaging.selectors.access import access_from_row
from therapyconnect.messaging.selectors.alerts import Alert
from therapyconnect.messaging.selectors.chats import details_of
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.selectors.messages import (
    render_attached,
    render_message,
    render_quote,
)
from therapyconnect.messaging.selectors.seals import open_room_text
from therapyconnect.messaging.services import columns
from therapyconnect.messaging.services.allowances import Allowances, bucket_of
from therapyconnect.messaging.services.books import Book, Quoted, RoomFacts, Target
from therapyconnect.messaging.services.judging import judge
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.requests import (
    Advance,
    Amendment,
    Flag,
    Outcome,
    Request,
    Send,
    Sent,
    SetRoom,
)
from therapyconnect.messaging.services.roundtrip import (
    Connection,
    RoundTrip,
    moment,
    numbers,
    prepare,
    texts,
)
from therapyconnect.messaging.services.statements import statements
from therapyconnect.messaging.shapes import ChatDetail
from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.datakeys import CipherStore

log = structlog.get_logger("therapyconnect.messaging.batch")


async def send_messages(connection: Connection, batch: Sequence[Request]) -> list[Outcome]:
    """Apply `batch` in one durable transaction; the answers are in the order of the requests.

    A request that breaks a rule fails alone. Where the database refuses the whole batch for one
    row's sake, each request is tried by itself. Lost connections and time-outs are raised: the
    outcome is then unknown, and sending again with the same `client_message_id` settles it.
    """
    await prepare(connection, statements)
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
    verdicts = [judge(ledger, request) for request in batch]
    ledger.repeated = [verdict for verdict in verdicts if isinstance(verdict, MessageRef)]
    await _write(connection, ledger)
    return [ledger.stored[v] if isinstance(v, MessageRef) else v for v in verdicts]


async def _open_ledger(connection: Connection, batch: Sequence[Request]) -> Ledger:
    """Begin, lock, and read all that the batch will be judged by: one round trip."""
    chat_ids = sorted({request.chat_id for request in batch})
    sends = [request for request in batch if isinstance(request, Send)]
    keys = {(s.chat_id, s.sender_id, s.client_message_id) for s in sends if s.client_message_id}
    named = {ref for s in sends for ref in (s.reply_to, s.replaces) if ref is not None}
    advances = [request for request in batch if isinstance(request, Advance)]
    named |= {MessageRef(a.chat_id, a.up_to) for a in advances if a.message and a.up_to}
    limits = {(a.chat_id, a.up_to) for a in advances if a.up_to is not None}
    amended = {request.ref for request in batch if isinstance(request, Amendment)}
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
    targets = trip.add("stored", *_chats_and_numbers(amended)) if amended else []
    rooms = trip.add("rooms", locked) if any(isinstance(r, SetRoom) for r in batch) else []
    files = {s.attachment for s in sends if s.attachment is not None}
    attachments = trip.add("attachments", *map(texts, _columns(files, 2))) if files else []
    calling = {r.chat_id for r in batch if isinstance(r, Flag) or getattr(r, "emergency", False)}
    confirming = {a.chat_id for a in advances if a.reader_id.startswith("t_")} - calling
    alerts = trip.add("latest_alerts", texts(calling)) if calling else []
    waiting = trip.add("waiting_alerts", texts(confirming)) if confirming else []
    unreceptive = trip.add("unreceptive", texts(calling)) if calling else []
    rules = settings.THERAPYCONNECT
    buckets = sorted(_buckets(batch)) if rules["THROTTLES"] else []
    quotas = trip.add("lock_quotas", texts(buckets)) if buckets else []
    await trip.run()
    damaged = _take_up(store, wrapped)
    opened = {row[0]: _book(row, damaged.get(row[0])) for row in books}
    now = clock.now()
    return Ledger(
        books=opened,
        quoted={MessageRef(row[0], row[1]): Quoted(*row[2:]) for row in quoted},
        written={(row[0], row[1], row[2]): (row[4], MessageRef(row[0], row[3])) for row in written},
        newest_message={(row[0], row[1]): row[2] or 0 for row in newest},
        now=now,
        allowances=Allowances.of(quotas, now=now) if rules["THROTTLES"] else None,
        targets={MessageRef(row[0], row[1]): _target(row, opened[row[0]]) for row in targets},
        rooms={row[0]: _room(row, opened[row[0]]) for row in rooms},
        alerts={row[0]: Alert(*row) for row in (*alerts, *waiting)},
        unreceptive={row[0] for row in unreceptive},
        attachments={AttachmentRef(row[0], row[1]): Stored(*row) for row in attachments},
        acknowledge_within=timedelta(seconds=rules["EMERGENCY_SECONDS"]),
        edit_window=timedelta(seconds=rules["EDIT_SECONDS"]),
    )


def _buckets(batch: Sequence[Request]) -> set[str]:
    return {bucket[1] for request in batch if (bucket := bucket_of(request)) is not None}


def _take_up(store: CipherStore, wrapped: Sequence[Row]) -> dict[str, DomainError]:
    """Unwrap data keys, those of each chat by themselves; what is wrong with the rest, by chat."""
    damaged: dict[str, DomainError] = {}
    for chat_id in {row[0] for row in wrapped}:
        try:
            store.add([row for row in wrapped if row[0] == chat_id])
        except DomainError as damage:
            damaged[chat_id] = damage
    return damaged


def _book(row: Row, damage: DomainError | None) -> Book:
    access = access_from_row(row[:-2])
    names = {access.therapist_id: row[-2], access.patient_id: row[-1]}
    key: Cipher | DomainError
    try:
        key = damage or cipher_store().require(access.id)
    except DomainError as missing:
        key = missing
    if isinstance(key, DomainError):
        log.critical("batch.chat_damaged", chat_id=access.id, reason=str(key))
    return Book(access=access, names=names, key=key)


def _target(row: Row, book: Book) -> Target | DomainError:
    """A message to amend; the damage itself where its seal is broken."""
    try:
        return Target(
            message=render_message(row, chat=book.access, cipher=book.cipher),
            version=row[8],
            text_sealed=row[9],
            payload_sealed=row[10],
            restored_seq=row[20],
            quote=render_quote(row, cipher=book.cipher),
            attached=render_attached(row, cipher=book.cipher),
        )
    except DomainError as damage:
        return damage


def _room(row: Row, book: Book) -> RoomFacts | DomainError:
    """A room to change; the damage itself where a seal is broken."""
    try:
        tags = open_room_text(book.cipher, row[3], column="tags")
        description = open_room_text(book.cipher, row[2], column="description")
    except DomainError as damage:
        return damage
    return RoomFacts(
        room_type=row[1],
        description=description,
        tags=msgspec.json.decode(tags, type=list[str]) if tags else [],
        therapist_can_see_history=row[4],
        patient_can_see_history=row[5],
    )


def _as_stored(row: Row, ledger: Ledger) -> Sent | DomainError:
    """A message that was there already, as this batch leaves it."""
    book = ledger.books[row[0]]
    try:
        message = render_message(row, chat=book.access, cipher=book.cipher)
    except DomainError as damage:
        return damage
    return Sent(message, False, book.access, ledger.alert_of(message, book))


async def _write(connection: Connection, ledger: Ledger) -> None:
    """Write what the ledger decided and commit: one round trip."""
    now = moment(ledger.now)
    trip = RoundTrip(connection)
    if ledger.messages:
        trip.add("insert_messages", *columns.of_messages(ledger.messages), now)
    if ledger.attached:
        trip.add("attach", *columns.of_attached(ledger.attached))
    if ledger.receipts:
        trip.add("insert_receipts", *columns.of_receipts(ledger.receipts), now)
    _write_changes(trip, ledger, now)
    if ledger.raised:
        trip.add("insert_alerts", *columns.of_alerts(ledger.raised, now))
    if ledger.delivered:
        keys = [(alert.chat_id, alert.event_seq) for alert in ledger.delivered]
        trip.add("deliver_alerts", *_chats_and_numbers(keys), now)
    if ledger.allowances is not None and ledger.allowances.used:
        trip.add("keep_quotas", *columns.of_quotas(ledger.allowances), now)
    touched = [book for book in ledger.books.values() if book.touched]
    if touched:
        update = "recount_chats" if any(book.recount for book in touched) else "update_chats"
        trip.add(update, *columns.of_chats(touched), now)
    shown = sorted({chat_id for chat_id, _ in ledger.retold})
    details = trip.add("details", texts(shown)) if shown else []
    repeated = set(ledger.repeated)
    stored = trip.add("stored", *_chats_and_numbers(repeated)) if repeated else []
    trip.add("commit")
    await trip.run()
    ledger.stored = {MessageRef(row[0], row[1]): _as_stored(row, ledger) for row in stored}
    seen = {row[0]: _detail(row) for row in details}
    for chat_id, happening in ledger.retold:
        happening.chats = seen[chat_id]


def _detail(row: Row) -> dict[str, ChatDetail] | None:
    """A chat as its two people see it now; None where something of it can't be opened.

    It is committed by now, and so it must not fail: who listens is told to read again.
    """
    try:
        return details_of(row, store=cipher_store())
    except DomainError as damage:
        log.error("batch.chat_not_shown", chat_id=row[0], reason=str(damage))
        return None


def _write_changes(trip: RoundTrip, ledger: Ledger, now: bytes) -> None:
    if ledger.events:
        trip.add("insert_events", *columns.of_events(ledger.events), now)
    if ledger.versions:
        trip.add("insert_versions", *columns.of_versions(ledger.versions), now)
    if ledger.amended:
        trip.add("update_messages", *columns.of_amended(ledger.amended))
    if ledger.restated:
        trip.add("update_facts", *columns.of_facts(ledger.restated.values()), now)
    if ledger.arranged:
        books = [ledger.books[chat_id] for chat_id in ledger.arranged]
        trip.add("update_rooms", *columns.of_rooms(books, ledger.arranged), now)
    if ledger.ended:
        trip.add("end_care", texts(ledger.ended.keys()), texts(ledger.ended.values()), now)


def _chats_and_numbers(rows: Iterable[tuple[str, int]]) -> list[bytes]:
    chats, seqs = _columns(rows, 2)
    return [texts(chats), numbers(seqs)]


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> Sequence[Sequence[Any]]:
    """Rows turned into columns, for `unnest`."""
    return list(zip(*rows, strict=True)) or [()] * width
