"""Changes of what was said: edit, delete, restore, flag as urgent, answer an appointment.

Each judges one request against the books of its batch and notes what to write.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec.structs import replace

from therapyconnect.core.errors import DomainError, Invalid, NotFound
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.policies.announcements import Announcement
from therapyconnect.messaging.policies.appointments import answer_appointment
from therapyconnect.messaging.policies.edits import check_edit, check_owner, message_deleted
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.policies.standing import Side, refusal_to_send
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.selectors.seals import (
    open_payload,
    open_text,
    seal_payload,
    seal_text,
)
from therapyconnect.messaging.services.books import Book, Target
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.requests import (
    Amendment,
    Answer,
    Changed,
    Delete,
    Edit,
    Flag,
    Restore,
)
from therapyconnect.messaging.shapes import EventType

_ANSWERED: Final[dict[str, Announcement]] = {
    "accept": "appointment_accepted",
    "decline": "appointment_declined",
    "reschedule": "appointment_rescheduled",
    "cancel": "appointment_cancelled",
}


def amend(ledger: Ledger, request: Amendment, book: Book, side: Side) -> Changed:
    """Judge `request`; refusals are raised, and what changes nothing takes no number."""
    target = ledger.targets.get(request.ref)
    if target is None or not can_see(request.seq, book.access.hidden_seq_of(request.user_id)):
        raise NotFound()
    if isinstance(target, DomainError):
        raise target
    if not isinstance(request, Answer):
        check_owner(target.message, request.user_id)
    if isinstance(request, Edit):
        return _edit(ledger, request, book, side, target)
    if isinstance(request, Delete):
        return _delete(ledger, request, book, target)
    if isinstance(request, Restore):
        return _restore(ledger, request, book, target)
    if isinstance(request, Flag):
        return _flag(ledger, request, book, side, target)
    assert isinstance(request, Answer)
    return _answer(ledger, request, book, side, target)


def _edit(ledger: Ledger, edit: Edit, book: Book, side: Side, target: Target) -> Changed:
    check_edit(target.message, now=ledger.now, window=ledger.edit_window)
    _check_may_send(book, side, emergency=False)
    if edit.text == target.message.text:
        return Changed(book.access, [], target.message)
    return _reword(ledger, edit, book, target, text=edit.text, payload=target.message.payload)


def _reword(
    ledger: Ledger,
    request: Amendment,
    book: Book,
    target: Target,
    *,
    text: str,
    payload: dict[str, Any] | None,
) -> Changed:
    """A new version; the one before it is kept as it was sealed."""
    message, cipher = target.message, book.cipher
    ledger.versions.append(
        (
            book.access.id,
            message.seq,
            target.version,
            target.text_sealed,
            target.payload_sealed,
            message.edited_at or message.timestamp,
        )
    )
    target.version += 1
    place = {"seq": message.seq, "version": target.version}
    target.text_sealed = seal_text(cipher, text, **place)
    if payload is not None:
        target.payload_sealed = seal_payload(cipher, payload, **place)
    quoted = ledger.quoted.get(request.ref)
    if quoted is not None:
        quoted.version, quoted.text_sealed = target.version, target.text_sealed
    changes = {"text": text, "payload": payload, "edited": True, "edited_at": ledger.now}
    return _note(ledger, request, book, target, "message_edited", version=target.version, **changes)


def _delete(ledger: Ledger, request: Delete, book: Book, target: Target) -> Changed:
    if target.message.deleted:
        return Changed(book.access, [], target.message)
    _recount_other(book, request.user_id)
    quoted = ledger.quoted.get(request.ref)
    if quoted is not None:
        quoted.deleted = True
    return _note(
        ledger,
        request,
        book,
        target,
        "message_deleted",
        text=None,
        payload=None,
        attachment_url=None,
        attachment_name=None,
        attachment_size=None,
        attachment_state=None,
        deleted=True,
        deleted_at=ledger.now,
        deleted_by=request.user_id,
    )


def _restore(ledger: Ledger, request: Restore, book: Book, target: Target) -> Changed:
    """Put it back; from now on it is unread anew."""
    message, cipher = target.message, book.cipher
    if not message.deleted:
        return Changed(book.access, [], message)
    place = {"seq": message.seq, "version": target.version}
    payload = target.payload_sealed
    _recount_other(book, request.user_id)
    quoted = ledger.quoted.get(request.ref)
    if quoted is not None:
        quoted.deleted = False
    changed = _note(
        ledger,
        request,
        book,
        target,
        "message_restored",
        text=open_text(cipher, target.text_sealed, **place),
        payload=open_payload(cipher, payload, **place) if payload is not None else None,
        **target.attached,
        deleted=False,
        deleted_at=None,
        deleted_by=None,
        read_status="sent",
        delivered_at=None,
        read_at=None,
        read_by=None,
    )
    target.restored_seq = target.message.changed_seq
    if quoted is not None:
        quoted.restored_seq = target.restored_seq
    return changed


def _flag(ledger: Ledger, request: Flag, book: Book, side: Side, target: Target) -> Changed:
    """Mark as urgent; a patient's raises the alert, or belongs to the one that waits."""
    message = target.message
    if message.deleted:
        raise message_deleted()
    _check_may_send(book, side, emergency=True)
    if message.emergency:
        return Changed(book.access, [], message, alert=ledger.alert_of(message, book))
    changed = _note(ledger, request, book, target, "emergency_flagged", emergency=True)
    if side == "patient":
        event_seq = target.message.changed_seq
        alert, changed.raised = ledger.call(book, message_seq=message.seq, event_seq=event_seq)
        changed.alert = alert.shape
    return changed


def _answer(ledger: Ledger, request: Answer, book: Book, side: Side, target: Target) -> Changed:
    message = target.message
    if message.message_type != "appointment":
        raise Invalid("not_an_appointment", "Only an appointment is answered.")
    if message.deleted or message.payload is None or message.text is None:
        raise message_deleted()
    _check_may_send(book, side, emergency=False)
    payload = answer_appointment(
        message.payload,
        answer=request.answer,
        actor_id=request.user_id,
        start=request.start,
        end=request.end,
        time_zone=request.time_zone,
    )
    if payload is None:
        return Changed(book.access, [], message)
    changed = _reword(ledger, request, book, target, text=message.text, payload=payload)
    changed.happenings.append(
        ledger.announce(
            book,
            _ANSWERED[request.answer],
            message_id=MessageRef(book.access.id, message.seq).id,
            by=request.user_id,
        )
    )
    return changed


def _note(
    ledger: Ledger,
    request: Amendment,
    book: Book,
    target: Target,
    kind: EventType,
    *,
    version: int | None = None,
    **changes: Any,
) -> Changed:
    """Take a number for the change, and note the message's row as it stands from now on."""
    seq = ledger.note_event(
        book, kind, actor_id=request.user_id, message_seq=request.seq, version=version
    )
    target.message = replace(target.message, changed_seq=seq, **changes)
    quote = None if target.message.deleted else ledger.quote_of(target)
    target.message = replace(target.message, reply_to_text=quote)
    ledger.amended[request.ref] = target
    happening = Happening(seq, kind, ledger.now, request.user_id, message=target.message)
    return Changed(book.access, [happening], target.message)


def _check_may_send(book: Book, side: Side, *, emergency: bool) -> None:
    refusal = refusal_to_send(book.access.standing, side, emergency=emergency)
    if refusal is not None:
        raise refusal


def _recount_other(book: Book, user_id: str) -> None:
    """What the other has unread changes with what there is to read."""
    book.recount.add("patient" if user_id == book.access.therapist_id else "therapist")
