"""The gate: how many are let in at a time, when all come back at once.

Each admission reads from the database, and so does the resume that follows it. Let in all
together, thousands would wait for the same few connections until each of them had waited too long,
and come again: nobody would ever be in. So a few are on their way in, some wait in the order in
which they came, and the others are told at once when to come again: each when it would be its
turn, at the pace of the last ones. Refusing costs too, and who comes too early is refused again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from therapyconnect.core.errors import Unavailable

AT_ONCE: Final = 16
"""Keeps the connections for reading busy, and what waits for them short."""
WAITING: Final = 1_000
WAIT_SECONDS: Final = 8.0
"""Below what a client waits for the answer to its handshake."""
AGAIN_SECONDS: Final = (2, 60)
"""The shortest and the longest advice."""
_FIRST_PACE: Final = 0.005
_SMOOTHING: Final = 64


class Gate:
    """On the loop only."""

    def __init__(
        self, *, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = WAIT_SECONDS
    ) -> None:
        self._room = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._seconds = seconds
        self._waiting = 0
        # Seconds from one admission to the next while many wait, and when the next turn is free.
        self._pace = _FIRST_PACE
        self._passed_at = 0.0
        self._busy = False
        self._turn = 0.0

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        """Hold one of the places; `Unavailable` where too many wait, or the wait is too long."""
        if self._room.locked():
            await self._wait()
        else:
            await self._room.acquire()
        try:
            yield
        finally:
            self._note_pace()
            self._room.release()

    async def _wait(self) -> None:
        if self._waiting >= self._most_waiting:
            raise self._full()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._room.acquire()
        except TimeoutError:
            raise self._full() from None
        finally:
            self._waiting -= 1

    def _note_pace(self) -> None:
        now = time.monotonic()
        if self._busy:
            self._pace += (now - self._passed_at - self._pace) / _SMOOTHING
        self._busy = self._waiting > 0
        self._passed_at = now

    def _full(self) -> Unavailable:
        now, (least, most) = time.monotonic(), AGAIN_SECONDS
        # Behind those who were told before, not behind those who wait: early is better than idle.
        self._turn = max(self._turn, now) + self._pace
        seconds = self._turn - now
        if seconds > most:
            self._turn = now + most
            seconds = random.uniform(most / 2, most)  # noqa: S311 (jitter, not a secret)
        return Unavailable("overloaded", retry_after=max(least, round(seconds)))
