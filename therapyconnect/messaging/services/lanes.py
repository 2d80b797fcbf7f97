"""Lanes: where sends gather while the previous commit is in flight.

A lane is a queue, a connection and a task. It takes what has gathered, commits it as one batch,
answers, and takes what gathered meanwhile: no timer, so a lone message waits for nothing, and a
busy system writes large batches. A chat always uses the same lane, so its order is the queue's.

Bounds: a full queue refuses with 503 at once; a batch has a deadline, after which its connection
is dropped and its requests are told that their outcome is unknown. After a batch that failed, what
waited too long is refused untried, so that a database that hangs keeps nobody waiting for the
time limit of each batch before.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from therapyconnect.core.errors import Unavailable
from therapyconnect.core.queries import Row
from therapyconnect.messaging.services.batch import send_messages
from therapyconnect.messaging.services.requests import Outcome, Request

log = structlog.get_logger("therapyconnect.messaging.lanes")

MAX_BATCH: Final = 128
MAX_QUEUED: Final = 20_000
MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
QUEUE_SECONDS: Final = 6.0
BATCH_SECONDS: Final = 8.0
"""With the time in the queue below what a request's thread waits for its answer (15 s)."""
RECONNECT_SECONDS: Final = 0.25

Connect = Callable[[], Awaitable[AsyncConnection[Row]]]
Committed = Callable[[Sequence[tuple[Request, Outcome]]], None]


class Lane:
    """One queue and one connection; `committed` is told of each batch after its commit."""

    def __init__(self, connect: Connect, committed: Committed) -> None:
        self._connect = connect
        self._committed = committed
        self._queue: deque[tuple[float, Request]] = deque()
        """Each with the moment, on the loop's clock, until which it waits while batches fail."""
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._connection: AsyncConnection[Row] | None = None
        self._retry_at = 0.0
        self._failing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="lane")

    def submit(self, request: Request) -> None:
        """Queue `request`; its `reply` is called on the loop, once, with what came of it."""
        if len(self._queue) >= MAX_QUEUED or self._queued_bytes >= MAX_QUEUED_BYTES:
            request.reply(Unavailable("overloaded"))
            return
        until = asyncio.get_running_loop().time() + QUEUE_SECONDS
        self._queue.append((until, request))
        self._queued_bytes += request.size
        self._idle.clear()
        self._wake.set()

    async def drain(self) -> None:
        """Wait until everything queued was answered."""
        await self._idle.wait()

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._disconnect()

    async def _run(self) -> None:
        while True:
            if not self._queue:
                self._wake.clear()
                self._idle.set()
                await self._wake.wait()
            if self._failing and (late := self._take_late()):
                log.warning("lane.waited_too_long", size=len(late))
                self._answer(late, [Unavailable("overloaded") for _ in late])
            batch = [self._take() for _ in range(min(MAX_BATCH, len(self._queue)))]
            if batch:
                self._answer(batch, await self._commit(batch))

    def _take(self) -> Request:
        _, request = self._queue.popleft()
        self._queued_bytes -= request.size
        return request

    def _take_late(self) -> list[Request]:
        """Those that waited too long: the oldest, so the order of the rest stays."""
        now = asyncio.get_running_loop().time()
        late = []
        while self._queue and self._queue[0][0] < now:
            late.append(self._take())
        return late

    async def _commit(self, batch: Sequence[Request]) -> Sequence[Outcome]:
        unknown = False
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                connection = await self._connected()
                if connection is None:
                    return [Unavailable() for _ in batch]
                unknown = True
                outcomes = await send_messages(connection, batch)
            self._failing = False
            return outcomes
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("lane.batch_failed", error=type(error).__name__, size=len(batch))
        except Exception:
            # A bug must not take the lane, and every chat on it, down with it.
            log.error("lane.batch_broke", exc_info=True, size=len(batch))
        self._failing = True
        await self._disconnect()
        if not unknown:
            self._retry_at = asyncio.get_running_loop().time() + RECONNECT_SECONDS
        return [Unavailable(unknown=unknown) for _ in batch]

    async def _connected(self) -> AsyncConnection[Row] | None:
        """The lane's connection; None for a moment after one could not be made."""
        if self._connection is None or self._connection.closed:
            if asyncio.get_running_loop().time() < self._retry_at:
                return None
            self._connection = await self._connect()
        return self._connection

    def _answer(self, batch: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
        pairs = list(zip(batch, outcomes, strict=True))
        try:
            self._committed(pairs)
        except Exception:
            log.error("lane.push_broke", exc_info=True)
        for request, outcome in pairs:
            try:
                request.reply(outcome)
            except Exception:
                log.error("lane.reply_broke", exc_info=True)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # `close` of a connection in the middle of a query only closes the socket: the server
            # rolls back what was not committed.
            await asyncio.gather(connection.close(), return_exceptions=True)


class Lanes:
    """All lanes of a process; a chat's requests go to one of them, always the same."""

    def __init__(self, connect: Connect, committed: Committed, *, count: int) -> None:
        self._lanes = [Lane(connect, committed) for _ in range(count)]

    def start(self) -> None:
        for lane in self._lanes:
            lane.start()

    def submit(self, request: Request) -> None:
        self._lanes[zlib.crc32(request.chat_id.encode()) % len(self._lanes)].submit(request)

    async def drain(self) -> None:
        await asyncio.gather(*(lane.drain() for lane in self._lanes))

    async def stop(self) -> None:
        await asyncio.gather(*(lane.stop() for lane in self._lanes))
