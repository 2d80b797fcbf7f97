"""The furthest horizons that were told of: from two nodes, receipts may come in either order."""

from __future__ import annotations

from therapyconnect.core.hub import ReceiptMoved
from therapyconnect.core.ids import role_of
from therapyconnect.messaging.shapes import Receipts


class HorizonBoard:
    """Of the chats that are heard here. On the loop only."""

    def __init__(self) -> None:
        self._told: dict[str, dict[tuple[str, str], int]] = {}

    def __len__(self) -> int:
        """Of how many chats something is kept."""
        return len(self._told)

    def advances(self, receipt: ReceiptMoved) -> bool:
        """False for one that is behind what was told; the same again does no harm."""
        told = self._told.setdefault(receipt.chat_id, {})
        role = role_of(receipt.reader_id) or ""
        if receipt.seq < told.get((role, receipt.kind), 0):
            return False
        told[role, receipt.kind] = receipt.seq
        if receipt.kind == "read":  # which implies delivered
            told[role, "delivered"] = max(receipt.seq, told.get((role, "delivered"), 0))
        return True

    def note(self, chat_id: str, receipts: Receipts) -> None:
        """A socket is told these, which were read."""
        told = self._told.setdefault(chat_id, {})
        for role, horizons in (("therapist", receipts.therapist), ("patient", receipts.patient)):
            for kind, seq in (
                ("delivered", horizons.delivered_seq),
                ("read", horizons.read_seq),
            ):
                told[role, kind] = max(seq, told.get((role, kind), 0))

    def forget(self, chat_id: str) -> None:
        self._told.pop(chat_id, None)
