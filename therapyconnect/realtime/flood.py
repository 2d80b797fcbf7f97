"""How much one socket may ask: 200 frames at once, then 20 a second; 1,000 in 10 s ends it."""

from __future__ import annotations

from typing import Final, Literal

BURST: Final = 200.0
PER_SECOND: Final = 20.0
CLOSE_FRAMES: Final = 1_000
CLOSE_SECONDS: Final = 10


class Flood:
    """A token bucket, and a count of each of the last seconds; `now` is of a monotonic clock.

    The window slides by whole seconds: what straddles two of them is counted together.
    """

    __slots__ = ("_counts", "_second", "_tokens", "_total", "_updated")

    def __init__(self, now: float) -> None:
        self._tokens = BURST
        self._updated = now
        self._second = int(now)
        self._counts = [0] * CLOSE_SECONDS
        self._total = 0

    def judge(self, now: float) -> Literal["pass", "refuse", "close"]:
        second = int(now)
        if second != self._second:
            self._forget(second)
        self._counts[second % CLOSE_SECONDS] += 1
        self._total += 1
        if self._total >= CLOSE_FRAMES:
            return "close"
        self._tokens = min(BURST, self._tokens + (now - self._updated) * PER_SECOND)
        self._updated = now
        if self._tokens < 1:
            return "refuse"
        self._tokens -= 1
        return "pass"

    def _forget(self, second: int) -> None:
        """Empty the places of the seconds that have passed since the last frame."""
        for passed in range(self._second + 1, min(second, self._second + CLOSE_SECONDS) + 1):
            self._total -= self._counts[passed % CLOSE_SECONDS]
            self._counts[passed % CLOSE_SECONDS] = 0
        self._second = second
