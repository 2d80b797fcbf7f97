"""Buckets that were found empty, for as long as they stay so: a flood is refused from memory.

Who stays within the limits costs nothing here. A process learns that a bucket is empty when it
takes from it in vain, so of a flood the database hears about two questions each time that it
gains a token. Memory only, bounded, on the loop only.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from therapyconnect.core.errors import Throttled

CAPACITY: Final = 10_000
"""Keys; about 2 MB where it is full."""


class Turnstile:
    def __init__(
        self, *, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise `Throttled` where `key`'s bucket is known to be empty."""
        until = self._until.get(key)
        if until is None:
            return
        left = until - self._clock()
        if left > 0:
            raise Throttled(retry_after=math.ceil(left))
        del self._until[key]

    def shut(self, key: str, seconds: float) -> None:
        """Refuse `key` for so long; where there are too many, who was shut first gets in again."""
        now = self._clock()
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        self._until[key] = now + seconds
        self._until.move_to_end(key)
        if len(self._until) > self._capacity:
            self._until.popitem(last=False)

    def __len__(self) -> int:
        return len(self._until)
