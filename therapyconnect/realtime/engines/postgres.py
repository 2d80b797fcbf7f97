"""Parcels over PostgreSQL's own LISTEN and NOTIFY: nothing else to install.

Two connections: one that tells, one that listens. What gathers while one NOTIFY is under way goes
with the next, so a busy process sends few and large ones. They are sent after the commit that they
tell of, in transactions without rows, which wait for no fsync. NOTIFY takes one lock for
the whole server when it commits, which is where many nodes want Redis instead.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import structlog
from psycopg import AsyncConnection

from therapyconnect.realtime.wire import Take

log = structlog.get_logger("therapyconnect.realtime.postgres")

CHANNEL: Final = "therapyconnect"
MAX_QUEUED: Final = 2_000
PARCELS_A_TURN: Final = 64
RETRY_SECONDS: Final = 0.5
STOP_SECONDS: Final = 1.0

Connect = Callable[[], Awaitable[AsyncConnection[Any]]]


class PostgresWire:
    """`connect` opens a connection in autocommit mode to the installation's database."""

    most = 7_500
    """PostgreSQL refuses a payload of 8,000 bytes."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._queue: deque[bytes] = deque(maxlen=MAX_QUEUED)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._teller: asyncio.Task[None] | None = None
        self._listener: asyncio.Task[None] | None = None
        self._take: Take | None = None

    def start(self, take: Take) -> None:
        self._take = take
        self.reconnect()

    def send(self, parcels: Sequence[bytes]) -> None:
        self._queue.extend(parcels)
        self._idle.clear()
        self._wake.set()

    def reconnect(self) -> None:
        for task in (self._teller, self._listener):
            if task is not None:
                task.cancel()
        self._teller = asyncio.create_task(self._for_ever("tell", self._tell), name="hub-tell")
        self._listener = asyncio.create_task(
            self._for_ever("listen", self._listen), name="hub-listen"
        )

    async def stop(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._idle.wait()  # what was taken from the queue may still be on its way
        tasks = [task for task in (self._teller, self._listener) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _for_ever(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        told = ""
        while True:
            try:
                await step()
            except Exception as error:
                name = type(error).__name__
                if name != told:  # an outage is one line, not two a second
                    log.warning("hub.wire_broke", what=what, error=name)
                told = name
            await asyncio.sleep(RETRY_SECONDS)

    async def _tell(self) -> None:
        connection = await self._connect()
        try:
            while True:
                if not self._queue:
                    self._idle.set()
                    self._wake.clear()
                    await self._wake.wait()
                turn = min(PARCELS_A_TURN, len(self._queue))
                parcels = [self._queue.popleft().decode() for _ in range(turn)]
                await connection.execute(
                    "SELECT pg_notify(%s, parcel) FROM unnest(%s::text[]) AS parcel",
                    (CHANNEL, parcels),
                )
        finally:
            await connection.close()

    async def _listen(self) -> None:
        connection = await self._connect()
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for notify in connection.notifies():
                if self._take is not None:
                    self._take(notify.payload)
        finally:
            await connection.close()
