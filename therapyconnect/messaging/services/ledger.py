"""The books of one batch: the chats as they stand under their locks, and what will be written.

A batch judges its requests one after another against these, so the second of two sends sees the
first. Nothing here talks to the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from therapyconnect.core.errors import Conflict, DomainError, Forbidden, NotFound
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.policies.content import reply_not_in_chat
from therapyconnect.messaging.policies.receipts import check_horizon
from therapyconnect.messaging.policies.standing import Side, refusal_to_send
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.messages import QUOTE_LENGTH
from therapyconnect.messaging.selectors.seals import open_text, seal_payload, seal_text
from therapyconnect.messaging.services.requests import Advance, Advanced, Outcome, Send, Sent
from therapyconnect.messaging.shapes import Message
from therapyconnect.vault.cipher import Cipher

DELIVERED, READ = 1, 2
SendKey = tuple[str, str, str]


@dataclass(slots=True)
class Quoted:
    """What the batch must know of a message that another one names."""

    sender_id: str | None
    version: int
    text_sealed: bytes
    deleted: bool


@dataclass(slots=True)
class Book:
    """One chat in a batch."""

    access: ChatAccess
    names: dict[str, str]
    cipher: Cipher
    said_at: datetime | None = None
    recount: set[Side] = field(default_factory=set)
    unmarked: set[Side] = field(default_factory=set)
    touched: bool = False


@dataclass(slots=True)
class Ledger:
    """All chats of a batch, what it looked up, and the rows it decided to write."""

    books: dict[str, Book]
    quoted: dict[MessageRef, Quoted]
    written: dict[SendKey, tuple[bytes, MessageRef]]
    newest_message: dict[tuple[str, int], int]
    now: datetime
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    receipts: list[tuple[Any, ...]] = field(default_factory=list)
    _in_batch: dict[SendKey, tuple[bytes, Message]] = field(default_factory=dict)

    def judge(self, request: Send | Advance) -> Outcome | MessageRef:
        """What comes of a request; a `MessageRef` where it repeats a message already stored."""
        try:
            book, side = self._admit(request)
            if isinstance(request, Send):
                return self._send(request, book, side)
            return self._advance(request, book, side)
        except DomainError as error:
            return error

    def _admit(self, request: Send | Advance) -> tuple[Book, Side]:
        book = self.books.get(request.chat_id)
        user_id = request.sender_id if isinstance(request, Send) else request.reader_id
        side = book.access.side_of(user_id) if book is not None else None
        if book is None or side is None or book.access.standing.deleted:
            raise NotFound()
        return book, side

    def _send(self, send: Send, book: Book, side: Side) -> Outcome | MessageRef:
        body = send.body()
        key: SendKey | None = None
        if send.client_message_id is not None:
            # Before policy: a retry of what was accepted is answered, whatever holds now.
            key = (send.chat_id, send.sender_id, send.client_message_id)
            repeated = self._repeated(key, body, book)
            if repeated is not None:
                return repeated
        refusal = refusal_to_send(book.access.standing, side, emergency=send.emergency)
        if refusal is not None:
            raise refusal
        message = self._write(send, book, key, body)
        if key is not None:
            self._in_batch[key] = (body, message)
        return self._sent(message, book, created=True)

    def _repeated(self, key: SendKey, body: bytes, book: Book) -> Outcome | MessageRef | None:
        if key in self._in_batch:
            same, message = self._in_batch[key]
            if same != body:
                raise idempotency_conflict()
            return self._sent(message, book, created=False)
        stored = self.written.get(key)
        if stored is None:
            return None
        fingerprint, ref = stored
        if not book.cipher.matches(fingerprint, body):
            raise idempotency_conflict()
        return ref

    def _write(self, send: Send, book: Book, key: SendKey | None, body: bytes) -> Message:
        """Take the chat's next number for a message and note its row."""
        access, cipher = book.access, book.cipher
        quote = self._quote(send, book)
        seq = access.last_seq + 1
        payload_sealed = (
            seal_payload(cipher, send.payload, seq=seq, version=1)
            if send.payload is not None
            else None
        )
        self.messages.append(
            (
                access.id,
                seq,
                send.sender_id,
                send.client_message_id,
                cipher.fingerprint(body) if key is not None else None,
                send.message_type,
                send.emergency,
                seal_text(cipher, send.text, seq=seq, version=1),
                payload_sealed,
                send.reply_to.seq if send.reply_to is not None else None,
            )
        )
        access.last_seq = access.last_message_seq = seq
        book.said_at, book.touched = self.now, True
        if send.sender_id == access.therapist_id:
            access.patient_unread_count += 1
        else:
            access.therapist_unread_count += 1
        return Message(
            id=MessageRef(access.id, seq).id,
            chat_id=access.id,
            seq=seq,
            changed_seq=seq,
            client_message_id=send.client_message_id,
            sender_id=send.sender_id,
            sender_name=book.names[send.sender_id],
            text=send.text,
            message_type=send.message_type,  # type: ignore[arg-type]  # checked at the edge
            emergency=send.emergency,
            payload=send.payload,
            reply_to=send.reply_to.id if send.reply_to is not None else None,
            reply_to_text=quote,
            timestamp=self.now,
        )

    def _quote(self, send: Send, book: Book) -> str | None:
        """The start of the message replied to; refused where this chat has none of that number.

        A reply to a message of the same batch can't happen: its id is not known before its ack.
        """
        ref = send.reply_to
        if ref is None:
            return None
        found = self.quoted.get(ref)
        if found is None:
            raise reply_not_in_chat()
        if found.deleted:
            return None
        return open_text(book.cipher, found.text_sealed, seq=ref.seq, version=found.version)[
            :QUOTE_LENGTH
        ]

    def _advance(self, advance: Advance, book: Book, side: Side) -> Outcome:
        access = book.access
        up_to = access.last_seq if advance.up_to is None else advance.up_to
        if advance.message:
            found = self.quoted.get(MessageRef(access.id, up_to))
            if found is None:
                raise NotFound()
            if found.sender_id == advance.reader_id:
                raise Forbidden("not_recipient", "Only the recipient marks a message.")
        check_horizon(up_to, access.last_seq)
        delivered, read = access.horizons_of(advance.reader_id)
        new_delivered = max(delivered, up_to)
        new_read = max(read, up_to) if advance.kind == "read" else read
        if new_delivered > delivered:
            self.receipts.append((access.id, advance.reader_id, DELIVERED, new_delivered))
        if new_read > read:
            self.receipts.append((access.id, advance.reader_id, READ, new_read))
            book.recount.add(side)
            book.unmarked.add(side)
        moved = new_read > read if advance.kind == "read" else new_delivered > delivered
        if side == "therapist":
            access.therapist_delivered_seq, access.therapist_read_seq = new_delivered, new_read
        else:
            access.patient_delivered_seq, access.patient_read_seq = new_delivered, new_read
        book.touched = book.touched or new_delivered > delivered or new_read > read
        return Advanced(
            chat_id=access.id,
            reader_id=advance.reader_id,
            kind=advance.kind,
            seq=up_to,
            delivered_seq=new_delivered,
            read_seq=new_read,
            message_id=self._newest_message(access, up_to),
            at=self.now,
            moved=moved,
        )

    def _newest_message(self, access: ChatAccess, up_to: int) -> str | None:
        if up_to >= access.last_message_seq:
            seq = access.last_message_seq
        else:
            seq = self.newest_message.get((access.id, up_to), 0)
        return MessageRef(access.id, seq).id if seq else None

    def _sent(self, message: Message, book: Book, *, created: bool) -> Sent:
        return Sent(message, created, book.access.therapist_id, book.access.patient_id)


def idempotency_conflict() -> Conflict:
    return Conflict(
        "idempotency_conflict",
        "This client_message_id was used for another body.",
        "client_message_id",
    )
