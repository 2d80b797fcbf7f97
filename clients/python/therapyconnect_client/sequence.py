"""A chat's events, put into their order: each number once, none left out."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")

MAX_AHEAD = 1_000


class Sequence(Generic[T]):
    """`have` is the highest number up to which there is no gap.

    What comes early waits (as much as `max_ahead`; the rest must be asked for again), what was
    there already is dropped.
    """

    def __init__(self, have: int = 0, *, max_ahead: int = MAX_AHEAD) -> None:
        self.have = have
        self._max_ahead = max_ahead
        self._ahead: dict[int, T] = {}

    @property
    def behind(self) -> bool:
        """Something came of which what is before it did not."""
        return bool(self._ahead)

    def take(self, seq: int, item: T) -> list[T]:
        """What is due now, in order."""
        if seq <= self.have:
            return []
        if seq > self.have + 1:
            if len(self._ahead) < self._max_ahead:
                self._ahead.setdefault(seq, item)
            return []
        due = [item]
        self.have = seq
        self._ahead.pop(seq, None)
        while self.have + 1 in self._ahead:
            self.have += 1
            due.append(self._ahead.pop(self.have))
        return due

    def start(self, have: int) -> list[T]:
        """Count what is up to `have` as had; what is due then."""
        have = self.have = max(self.have, have)
        self._ahead = {seq: item for seq, item in self._ahead.items() if seq > have}
        first = self._ahead.get(have + 1)
        return [] if first is None else self.take(have + 1, first)

    def drop_ahead(self) -> None:
        """Forget what came early."""
        self._ahead.clear()

    def afresh(self) -> None:
        """Forget everything: the numbers are given anew."""
        self.have = 0
        self.drop_ahead()
