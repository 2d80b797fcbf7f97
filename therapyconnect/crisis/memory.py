"""Where each person was last known to be, in this process: for when the database is away.

Bounded: the person not seen for longest is forgotten first. Regions and languages only; it is
never written anywhere. Threads and the loop both use it.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

CAPACITY: Final = 20_000
"""People; about 5 MB where it is full."""


class Whereabouts(NamedTuple):
    region: str
    language: str


class Memory:
    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: OrderedDict[str, Whereabouts] = OrderedDict()
        self._lock = Lock()

    def remember(self, user_id: str, region: str, language: str) -> None:
        with self._lock:
            self._known[user_id] = Whereabouts(region, language)
            self._known.move_to_end(user_id)
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)

    def recall(self, user_id: str) -> Whereabouts | None:
        with self._lock:
            found = self._known.get(user_id)
            if found is not None:
                self._known.move_to_end(user_id)
            return found

    def forget_all(self) -> None:
        with self._lock:
            self._known.clear()

    def __len__(self) -> int:
        return len(self._known)


memory = Memory()
"""The process's."""
