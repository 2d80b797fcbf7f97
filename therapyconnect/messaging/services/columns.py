"""A ledger's rows turned into the columns that a lane's statements take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.alerts import Alert
from therapyconnect.messaging.selectors.seals import seal_room_text
from therapyconnect.messaging.services.allowances import Allowances
from therapyconnect.messaging.services.books import Book, RoomFacts, Target
from therapyconnect.messaging.services.roundtrip import blobs, booleans, moments, numbers, texts

Rows = Sequence[tuple[Any, ...]]


def of_messages(messages: Rows) -> list[bytes]:
    chats, seqs, senders, ids, digests, types, emergencies, sealed, payloads, replies = _turn(
        messages
    )
    return [
        texts(chats), numbers(seqs), texts(senders), texts(ids), blobs(digests), texts(types),
        booleans(emergencies), blobs(sealed), blobs(payloads), numbers(replies),
    ]  # fmt: skip


def of_attached(attached: Rows) -> list[bytes]:
    chats, keys, seqs = _turn(attached)
    return [texts(chats), texts(keys), numbers(seqs)]


def of_receipts(receipts: Rows) -> list[bytes]:
    chats, readers, kinds, up_to = _turn(receipts)
    return [texts(chats), texts(readers), numbers(kinds), numbers(up_to)]


def of_events(events: Rows) -> list[bytes]:
    chats, seqs, types, actors, messages, versions = _turn(events)
    return [
        texts(chats), numbers(seqs), texts(types), texts(actors), numbers(messages),
        numbers(versions),
    ]  # fmt: skip


def of_versions(versions: Rows) -> list[bytes]:
    chats, seqs, numbered, sealed, payloads, written = _turn(versions)
    return [
        texts(chats), numbers(seqs), numbers(numbered), blobs(sealed), blobs(payloads),
        moments(written),
    ]  # fmt: skip


def of_amended(amended: Mapping[MessageRef, Target]) -> list[bytes]:
    targets = list(amended.values())
    messages = [target.message for target in targets]
    return [
        texts(ref.chat_id for ref in amended),
        numbers(ref.seq for ref in amended),
        numbers(message.changed_seq for message in messages),
        numbers(target.version for target in targets),
        blobs([target.text_sealed for target in targets]),
        blobs([target.payload_sealed for target in targets]),
        booleans(message.emergency for message in messages),
        moments(message.edited_at for message in messages),
        moments(message.deleted_at for message in messages),
        texts(message.deleted_by for message in messages),
        numbers(target.restored_seq for target in targets),
    ]


def of_chats(books: Sequence[Book]) -> list[bytes]:
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
        booleans("therapist" in book.recount for book in books),
        booleans("patient" in book.recount for book in books),
    ]


def of_facts(chats: Iterable[ChatAccess]) -> list[bytes]:
    found = list(chats)
    standings = [chat.standing for chat in found]
    return [
        texts(chat.id for chat in found),
        booleans(standing.archived for standing in standings),
        booleans(standing.blocked_by_therapist for standing in standings),
        booleans(standing.blocked_by_patient for standing in standings),
        booleans(standing.deleted for standing in standings),
    ]


def of_rooms(books: Sequence[Book], rooms: Mapping[str, RoomFacts]) -> list[bytes]:
    facts = [rooms[book.access.id] for book in books]
    standings = [book.access.standing for book in books]
    pairs = list(zip(books, facts, strict=True))
    return [
        texts(book.access.id for book in books),
        texts(room.room_type for room in facts),
        blobs([seal_room_text(b.cipher, r.description, column="description") for b, r in pairs]),
        blobs([seal_room_text(b.cipher, _json(r.tags), column="tags") for b, r in pairs]),
        booleans(standing.room_archived for standing in standings),
        booleans(standing.therapist_can_send for standing in standings),
        booleans(standing.patient_can_send for standing in standings),
        booleans(room.therapist_can_see_history for room in facts),
        booleans(room.patient_can_see_history for room in facts),
        numbers(book.access.therapist_hidden_seq for book in books),
        numbers(book.access.patient_hidden_seq for book in books),
    ]


def of_alerts(alerts: Sequence[Alert], now: bytes) -> list[bytes]:
    return [
        texts(alert.chat_id for alert in alerts),
        numbers(alert.event_seq for alert in alerts),
        numbers(alert.message_seq for alert in alerts),
        texts(alert.state for alert in alerts),
        now,
        moments(alert.due_at for alert in alerts),
    ]


def of_quotas(allowances: Allowances) -> list[bytes]:
    """In the order of their keys, as they are locked."""
    keys = sorted(allowances.used)
    return [texts(keys), numbers(int(allowances.tokens[key] * 1000) for key in keys)]


def _json(tags: list[str]) -> str:
    return msgspec.json.encode(tags).decode() if tags else ""


def _turn(rows: Rows) -> Sequence[Sequence[Any]]:
    return list(zip(*rows, strict=True))
