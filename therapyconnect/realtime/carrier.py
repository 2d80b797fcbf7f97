"""Carries parcels over a broker: a queue with a bound, one task that tells, and one that listens.

What gathers while one telling is under way goes with the next, so a busy process tells seldom and
much. A telling that failed is tried again: who hears a parcel twice knows it by its number.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from therapyconnect.realtime.broker import Broker
from therapyconnect.realtime.wire import Take

log = structlog.get_logger("therapyconnect.realtime.carrier")

MAX_QUEUED: Final = 2_000
PARCELS_A_TURN: Final = 64
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 4.0
STOP_SECONDS: Final = 1.0


class BrokerWire:
    """A `Wire`; on the loop only."""

    def __init__(self, broker: Broker) -> None:
        self.most = broker.most
        self._broker = broker
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._take: Take | None = None
        self._listening: Callable[[], None] | None = None

    def start(self, take: Take, *, listening: Callable[[], None]) -> None:
        self._take, self._listening = take, listening
        self.reconnect()

    def send(self, parcels: Sequence[bytes]) -> None:
        self._queue.extend(parcels)
        while len(self._queue) > MAX_QUEUED:
            self._queue.popleft()
        self._idle.clear()
        self._wake.set()

    def reconnect(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = [
            asyncio.create_task(_for_ever("tell", self._tell), name="hub-tell"),
            asyncio.create_task(_for_ever("listen", self._listen), name="hub-listen"),
        ]

    async def stop(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._idle.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, worked: Callable[[], None]) -> None:
        async with self._broker.telling() as tell:
            worked()
            while True:
                if not self._queue:
                    self._idle.set()
                    self._wake.clear()
                    await self._wake.wait()
                parcels = [self._queue[n] for n in range(min(PARCELS_A_TURN, len(self._queue)))]
                await tell(parcels)
                for parcel in parcels:
                    # Meanwhile the oldest may have been dropped.
                    if self._queue and self._queue[0] is parcel:
                        self._queue.popleft()

    async def _listen(self, worked: Callable[[], None]) -> None:
        async with self._broker.hearing() as parcels:
            worked()
            if self._listening is not None:
                self._listening()
            async for parcel in parcels:
                if self._take is not None:
                    self._take(parcel)


async def _for_ever(what: str, step: Callable[[Callable[[], None]], Awaitable[None]]) -> None:
    """Do it again whenever it breaks, after a pause that grows; with jitter, as all nodes do it."""
    told = ""
    failures = 0

    def worked() -> None:
        nonlocal failures, told
        failures, told = 0, ""

    while True:
        try:
            await step(worked)
        except Exception as error:
            name = type(error).__name__
            if name != told:  # an outage is one line, not two a second
                log.warning("hub.wire_broke", what=what, error=name)
            told = name
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**failures)
        failures = min(failures + 1, 10)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # no secret
