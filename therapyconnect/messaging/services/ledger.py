"""The books of one batch: the chats as they stand under their locks, and what will be written.

A batch judges its requests one after another against these, so the second of two sends sees the
first. Nothing here talks to the database. Changes of what was said are in `amendments`, those of
the chat itself in `arrangements`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from therapyconnect.attachments.policies import check_attachment
from therapyconnect.attachments.selectors import Stored, fields_of
from therapyconnect.core.errors import Conflict, DomainError, Invalid, NotFound
from therapyconnect.core.ids import AttachmentRef, MessageRef, parse_message_id
from therapyconnect.messaging.policies.announcements import TEXTS, Announcement
from therapyconnect.messaging.policies.content import reply_not_in_chat
from therapyconnect.messaging.policies.emergencies import attaches
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.policies.payloads import check_payload
from therapyconnect.messaging.policies.standing import Side, refusal_to_send
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.alerts import Alert
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.selectors.messages import QUOTE_LENGTH
from therapyconnect.messaging.selectors.seals import open_text, seal_payload, seal_text
from therapyconnect.messaging.services.allowances import Allowances
from therapyconnect.messaging.services.books import Book, Quoted, RoomFacts, Target
from therapyconnect.messaging.services.requests import (
    Outcome,
    Request,
    Send,
    Sent,
    SetStatus,
)
from therapyconnect.messaging.shapes import EmergencyAlert, EventType, Message

SendKey = tuple[str, str, str]


@dataclass(slots=True)
class Ledger:
    """All chats of a batch, what it looked up, and the rows it decided to write."""

    books: dict[str, Book]
    quoted: dict[MessageRef, Quoted]
    written: dict[SendKey, tuple[bytes, MessageRef]]
    newest_message: dict[tuple[str, int], int]
    now: datetime
    targets: dict[MessageRef, Target | DomainError] = field(default_factory=dict)
    rooms: dict[str, RoomFacts | DomainError] = field(default_factory=dict)
    alerts: dict[str, Alert] = field(default_factory=dict)
    unreceptive: set[str] = field(default_factory=set)
    """Chats whose therapist does not receive emergencies."""
    allowances: Allowances | None = None
    """None where the installation's throttles are off."""
    acknowledge_within: timedelta = timedelta(minutes=5)
    edit_window: timedelta = timedelta(minutes=15)

    attachments: dict[AttachmentRef, Stored] = field(default_factory=dict)
    """Those that sends name, locked."""
    messages: list[tuple[Any, ...]] = field(default_factory=list)
    attached: list[tuple[str, str, int]] = field(default_factory=list)
    receipts: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    amended: dict[MessageRef, Target] = field(default_factory=dict)
    restated: dict[str, ChatAccess] = field(default_factory=dict)
    """Chats whose status facts changed."""
    arranged: dict[str, RoomFacts] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    """Pairs whose care relationship ends, by chat: who ended it."""
    raised: list[Alert] = field(default_factory=list)
    delivered: list[Alert] = field(default_factory=list)
    repeated: list[MessageRef] = field(default_factory=list)
    """Messages that were there already: read once all is written, as they stand then."""
    stored: dict[MessageRef, Sent | DomainError] = field(default_factory=dict)
    retold: list[tuple[str, Happening]] = field(default_factory=list)
    """Those that show the chat itself, which is read once all is written."""
    _in_batch: dict[SendKey, tuple[bytes, Message]] = field(default_factory=dict)

    def admit(self, request: Request) -> tuple[Book, Side | None]:
        """The request's chat and which side asks; None for an administrator."""
        book = self.books.get(request.chat_id)
        if book is None:
            raise NotFound()
        side = book.access.side_of(request.user_id)
        if side is None and not request.user_id.startswith("a_"):
            raise NotFound()
        if book.access.standing.deleted and not (side is None and isinstance(request, SetStatus)):
            raise NotFound()
        return book, side

    def draw(self, request: Request) -> None:
        """Count a request against what its user may send; `Throttled` where that is used up."""
        if self.allowances is not None:
            self.allowances.take(request)

    def take_seq(self, book: Book) -> int:
        """The chat's next number."""
        book.access.last_seq += 1
        book.touched = True
        return book.access.last_seq

    def note_event(
        self,
        book: Book,
        kind: EventType,
        *,
        actor_id: str,
        message_seq: int | None = None,
        version: int | None = None,
    ) -> int:
        """Take a number for something that is no new message, and note its row."""
        seq = self.take_seq(book)
        self.events.append((book.access.id, seq, kind, actor_id, message_seq, version))
        return seq

    def quote_of(self, target: Target) -> str | None:
        """What a message quotes, as this batch leaves it: None where the quoted is deleted."""
        named = target.message.reply_to
        ref = parse_message_id(named) if named is not None else None
        quoted = self.amended.get(ref) if ref is not None else None
        if quoted is None:
            return target.quote
        text = quoted.message.text
        return text[:QUOTE_LENGTH] if text is not None else None

    def announce(self, book: Book, announcement: Announcement, **facts: Any) -> Happening:
        """A system message: the server says what both must see."""
        access, cipher = book.access, book.cipher
        seq = self.take_seq(book)
        text, payload = TEXTS[announcement], {"event": announcement, **facts}
        sealed = seal_text(cipher, text, seq=seq, version=1)
        payload_sealed = seal_payload(cipher, payload, seq=seq, version=1)
        self.messages.append(
            (access.id, seq, None, None, None, "system", False, sealed, payload_sealed, None)
        )
        access.last_message_seq = seq
        book.said_at = self.now
        return Happening.created(
            Message(
                id=MessageRef(access.id, seq).id,
                chat_id=access.id,
                seq=seq,
                changed_seq=seq,
                client_message_id=None,
                sender_id=None,
                sender_name="",
                text=text,
                message_type="system",
                emergency=False,
                payload=payload,
                timestamp=self.now,
            )
        )

    def call(self, book: Book, *, message_seq: int, event_seq: int) -> tuple[Alert, bool]:
        """The alert of a patient's emergency, and whether it was raised now.

        Where one still waits for a person, this call belongs to it.
        """
        access = book.access
        latest = self.alerts.get(access.id)
        if latest is not None and attaches(latest.state):
            return latest, False
        alert = Alert(
            access.id, event_seq, message_seq, "raised", self.now,
            due_at=self.now + self.acknowledge_within,
        )  # fmt: skip
        if access.id in self.unreceptive:
            alert.state, alert.exhausted_at = "exhausted", self.now
        self.alerts[access.id] = alert
        self.raised.append(alert)
        return alert, True

    def send(self, send: Send, book: Book, side: Side) -> Outcome | MessageRef:
        body = send.body()
        key: SendKey | None = None
        if send.client_message_id is not None:
            # Before policy: a retry of what was accepted is answered, whatever holds now.
            key = (send.chat_id, send.sender_id, send.client_message_id)
            repeated = self._repeated(key, body, book)
            if repeated is not None:
                return repeated
        self.draw(send)
        refusal = refusal_to_send(book.access.standing, side, emergency=send.emergency)
        if refusal is not None:
            raise refusal
        message = self._write(send, book, key, body)
        if key is not None:
            self._in_batch[key] = (body, message)
        sent = self._sent(message, book, created=True)
        if send.emergency and side == "patient":
            alert, sent.raised = self.call(book, message_seq=message.seq, event_seq=message.seq)
            sent.alert = alert.shape
        return sent

    def _repeated(self, key: SendKey, body: bytes, book: Book) -> Outcome | MessageRef | None:
        if key in self._in_batch:
            same, message = self._in_batch[key]
            if same != body:
                raise idempotency_conflict()
            sent = self._sent(message, book, created=False)
            sent.alert = self.alert_of(message, book)
            return sent
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
        payload = send.payload
        if payload is not None or send.message_type != "text":
            payload = check_payload(
                send.message_type, payload, sender_id=send.sender_id, chat_id=access.id
            )
        if send.replaces is not None:
            self._check_replaced(send.replaces, access.hidden_seq_of(send.sender_id))
        file = self._attachment(send) if send.attachment is not None else None
        # What may not open is opened before a number is taken: a refusal leaves no hole.
        attached = fields_of(file, cipher) if file is not None else {}
        seq = self.take_seq(book)
        if file is not None:
            file.message_seq = seq
            self.attached.append((access.id, file.key, seq))
        payload_sealed = (
            seal_payload(cipher, payload, seq=seq, version=1) if payload is not None else None
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
        access.last_message_seq = seq
        book.said_at = self.now
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
            **attached,
            payload=payload,
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
        if found is None or not can_see(ref.seq, book.access.hidden_seq_of(send.sender_id)):
            raise reply_not_in_chat()
        if found.deleted:
            return None
        return open_text(book.cipher, found.text_sealed, seq=ref.seq, version=found.version)[
            :QUOTE_LENGTH
        ]

    def _attachment(self, send: Send) -> Stored:
        """The file that a send takes; refused where it can't be this sender's, once, in this type.

        The chat is in its id. Taken at once, so that the second of two in one batch is refused.
        """
        assert send.attachment is not None
        file = self.attachments.get(send.attachment)
        if file is None:
            raise NotFound("attachment_id")
        check_attachment(file, sender_id=send.sender_id, message_type=send.message_type)
        return file

    def _check_replaced(self, ref: MessageRef, hidden_seq: int) -> None:
        found = self.quoted.get(ref)
        if (
            found is None
            or found.message_type != "prescription"
            or not can_see(ref.seq, hidden_seq)
        ):
            raise Invalid(
                "replaces_not_in_chat", "No such prescription in this chat.", "payload.replaces"
            )

    def alert_of(self, message: Message, book: Book) -> EmergencyAlert | None:
        """The chat's latest alert, where `message` is a patient's emergency."""
        if not message.emergency or message.sender_id != book.access.patient_id:
            return None
        alert = self.alerts.get(book.access.id)
        return alert.shape if alert is not None else None

    def _sent(self, message: Message, book: Book, *, created: bool) -> Sent:
        return Sent(message, created, book.access)


def idempotency_conflict() -> Conflict:
    return Conflict(
        "idempotency_conflict",
        "This client_message_id was used for another body.",
        "client_message_id",
    )
