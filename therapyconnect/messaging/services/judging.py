"""One request of a batch against its ledger: which rule book it is for."""

from __future__ import annotations

from therapyconnect.core.errors import DomainError, NotFound
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.services.amendments import amend
from therapyconnect.messaging.services.arrangements import end_care, set_room, set_status
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.receipts import advance
from therapyconnect.messaging.services.requests import (
    Advance,
    Amendment,
    EndCare,
    Outcome,
    Request,
    Send,
    SetRoom,
    SetStatus,
)


def judge(ledger: Ledger, request: Request) -> Outcome | MessageRef:
    """What comes of a request; a `MessageRef` where it repeats a message already stored."""
    try:
        book, side = ledger.admit(request)
        book.check_opens()
        if isinstance(request, Send) and side is not None:
            return ledger.send(request, book, side)
        if isinstance(request, Advance) and side is not None:
            return advance(ledger, request, book, side)
        ledger.draw(request)
        if isinstance(request, SetStatus):
            return set_status(ledger, request, book)
        if isinstance(request, SetRoom):
            return set_room(ledger, request, book)
        if isinstance(request, EndCare):
            return end_care(ledger, request, book)
        if side is None:  # an administrator takes part in no conversation
            raise NotFound()
        assert isinstance(request, Amendment)
        return amend(ledger, request, book, side)
    except DomainError as error:
        return error
