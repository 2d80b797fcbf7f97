"""How much one socket may ask: 200 frames at once, then 20 a second; 1,000 in 10 s ends it."""

from __future__ import annotations

from typing import Final, Literal

BURST: Final = 200.0
PER_SECOND: Final = 20.0
CLOSE_FRAMES: Final = 1_000
CLOSE_SECONDS: Final = 10.0


class Flood:
    """A token bucket and a count; `now` is in seconds of a monotonic clock."""

    __slots__ = ("_count", "_since", "_tokens", "_updated")

    def __init__(self, now: float) -> None:
        self._tokens = BURST
        self._updated = self._since = now
        self._count = 0

    def judge(self, now: float) -> Literal["pass", "refuse", "close"]:
        if now - self._since >= CLOSE_SECONDS:
            self._since, self._count = now, 0
        self._count += 1
        if self._count >= CLOSE_FRAMES:
            return "close"
        self._tokens = min(BURST, self._tokens + (now - self._updated) * PER_SECOND)
        self._updated = now
        if self._tokens < 1:
            return "refuse"
        self._tokens -= 1
        return "pass"
