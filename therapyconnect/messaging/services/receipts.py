"""Horizons in a batch: how far a reader has received and read, and what that confirms."""

from __future__ import annotations

from therapyconnect.core.errors import Forbidden, NotFound
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.policies.receipts import check_horizon
from therapyconnect.messaging.policies.standing import Side, chat_blocked
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.alerts import Alert
from therapyconnect.messaging.services.books import Book
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.requests import Advance, Advanced

DELIVERED, READ = 1, 2


def advance(ledger: Ledger, request: Advance, book: Book, side: Side) -> Advanced:
    """Move the reader's horizons; they never go back, and never beyond the chat's last number."""
    access = book.access
    if access.standing.blocked:
        raise chat_blocked()
    up_to = access.last_seq if request.up_to is None else request.up_to
    if request.message:
        found = ledger.quoted.get(MessageRef(access.id, up_to))
        if found is None or not can_see(up_to, access.hidden_seq_of(request.reader_id)):
            raise NotFound()
        if found.sender_id == request.reader_id:
            raise Forbidden("not_recipient", "Only the recipient marks a message.")
        if found.restored_seq is not None:  # its place among what there is to read
            up_to = found.restored_seq
    check_horizon(up_to, access.last_seq)
    delivered, read = access.horizons_of(request.reader_id)
    new_delivered = max(delivered, up_to)
    new_read = max(read, up_to) if request.kind == "read" else read
    if new_delivered > delivered:
        ledger.receipts.append((access.id, request.reader_id, DELIVERED, new_delivered))
    if new_read > read:
        ledger.receipts.append((access.id, request.reader_id, READ, new_read))
        book.recount.add(side)
        book.unmarked.add(side)
    elif request.kind == "read" and request.up_to is None:  # "all read": then it is not unread
        book.unmarked.add(side)
        book.touched = True
    moved = new_read > read if request.kind == "read" else new_delivered > delivered
    if side == "therapist":
        access.therapist_delivered_seq, access.therapist_read_seq = new_delivered, new_read
    else:
        access.patient_delivered_seq, access.patient_read_seq = new_delivered, new_read
    book.touched = book.touched or new_delivered > delivered or new_read > read
    alert = _confirm(ledger, access, request, up_to) if side == "therapist" else None
    return Advanced(
        chat_id=access.id,
        reader_id=request.reader_id,
        kind=request.kind,
        seq=up_to,
        delivered_seq=new_delivered,
        read_seq=new_read,
        message_id=_newest_message(ledger, access, request, up_to),
        at=ledger.now,
        moved=moved,
        alert=alert.shape if alert is not None else None,
    )


def _confirm(ledger: Ledger, access: ChatAccess, request: Advance, up_to: int) -> Alert | None:
    """The alert that a device of the therapist's has just confirmed.

    By a number from its event on, or by naming its message (which may have been said long before
    it was flagged). What was raised in this very batch no device has heard of yet; and who says
    "all, as far as it goes" names nothing that they have heard of.
    """
    alert = ledger.alerts.get(access.id)
    if alert is None or alert.state != "raised" or alert in ledger.raised:
        return None
    if request.up_to is None:
        return None
    named = request.up_to if request.message else None
    if up_to < alert.event_seq and named != alert.message_seq:
        return None
    alert.state, alert.delivered_at = "delivered", ledger.now
    ledger.delivered.append(alert)
    return alert


def _newest_message(ledger: Ledger, access: ChatAccess, request: Advance, up_to: int) -> str | None:
    if up_to >= access.last_message_seq:
        seq = access.last_message_seq
    else:
        named = request.up_to or 0
        seq = ledger.newest_message.get((access.id, named), named)
    return MessageRef(access.id, seq).id if seq else None
