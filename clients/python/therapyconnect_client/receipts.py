"""Receipts on their way out: the highest number of each chat and kind, and nothing below it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["delivered", "read"]


class Mark(NamedTuple):
    chat_id: str
    kind: Kind
    seq: int


class Outbound:
    """What has to be told, what is on its way, and what the server has confirmed."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, Kind], int] = {}
        self._confirmed: dict[tuple[str, Kind], int] = {}
        self._told: dict[tuple[str, Kind], int] = {}

    def want(self, chat_id: str, kind: Kind, seq: int) -> bool:
        """Note a receipt; whether it says anything new. Read implies delivered."""
        key = (chat_id, kind)
        if seq <= self._wanted.get(key, 0):
            return False
        if kind == "delivered" and seq <= self._wanted.get((chat_id, "read"), 0):
            return False
        self._wanted[key] = seq
        return True

    def due(self) -> list[Mark]:
        """What was not told on this connection and is not confirmed; now it is told."""
        marks: list[Mark] = []
        for (chat_id, kind), seq in self._wanted.items():
            key = (chat_id, kind)
            if kind == "delivered" and seq <= self._wanted.get((chat_id, "read"), 0):
                continue
            if seq > max(self._told.get(key, 0), self._confirmed.get(key, 0)):
                marks.append(Mark(chat_id, kind, seq))
                self._told[key] = seq
        return marks

    def confirm(self, mark: Mark) -> None:
        key = (mark.chat_id, mark.kind)
        self._confirmed[key] = max(mark.seq, self._confirmed.get(key, 0))

    def untold(self, mark: Mark) -> None:
        """It was refused for now, and is due again."""
        self._told.pop((mark.chat_id, mark.kind), None)

    def drop(self, mark: Mark) -> None:
        """It was refused for good."""
        key = (mark.chat_id, mark.kind)
        if self._wanted.get(key) == mark.seq:
            del self._wanted[key]
        if self._told.get(key) == mark.seq:
            del self._told[key]  # or none below it would ever be due

    def lost(self) -> None:
        """The connection ended: what was not confirmed on it is due again."""
        self._told.clear()

    def forget(self, chat_id: str) -> None:
        """The chat's numbers are given anew."""
        for marks in (self._wanted, self._confirmed, self._told):
            for key in [key for key in marks if key[0] == chat_id]:
                del marks[key]
