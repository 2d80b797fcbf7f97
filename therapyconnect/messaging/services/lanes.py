"""Lanes: who takes what has gathered while the previous commit was in flight.

A lane is a connection and a task. It takes what waits, commits it as one batch, answers, and takes
what gathered meanwhile: no timer, so a lone message waits for nothing, and a busy system writes
large batches. A batch costs most of what it costs however small it is: so one lane works alone
until a crowd waits behind it, or until somebody has waited too long for it.

Bounds: a full waiting room refuses with 503 at once; a batch has a deadline, after which its
connection is dropped and its requests are told that their outcome is unknown. After a batch that
failed, what waited too long is refused untried, so that a database that hangs keeps nobody waiting
for the time limit of each batch before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import psycopg
import structlog
from psycopg import AsyncConnection

from therapyconnect.core.errors import Unavailable
from therapyconnect.core.queries import Row
from therapyconnect.messaging.services.batch import send_messages
from therapyconnect.messaging.services.requests import Outcome, Request
from therapyconnect.messaging.services.waiting import WaitingRoom

log = structlog.get_logger("therapyconnect.messaging.lanes")

CROWD: Final = 64
"""So many requests are worth a lane more."""
PATIENCE_SECONDS: Final = 0.05
"""So long at most the next one in turn waits while a lane is idle: the one at work may be stuck."""
QUEUE_SECONDS: Final = 6.0
BATCH_SECONDS: Final = 8.0
"""With the time in the queue below what a request's thread waits for its answer (15 s)."""
RECONNECT_SECONDS: Final = 0.25

Connect = Callable[[], Awaitable[AsyncConnection[Row]]]
Committed = Callable[[Sequence[tuple[Request, Outcome]]], None]


class Lane:
    """One connection, one batch at a time; `committed` is told of each batch after its commit."""

    def __init__(self, connect: Connect, committed: Committed) -> None:
        self._connect = connect
        self._committed = committed
        self._connection: AsyncConnection[Row] | None = None
        self._retry_at = 0.0
        self.failing = False
        """Whether its last batch failed."""

    async def work(self, batch: Sequence[Request]) -> None:
        """Commit, then answer: each `reply` is called on the loop, once, with what came of it."""
        self.answer(batch, await self._commit(batch))

    def answer(self, batch: Sequence[Request], outcomes: Sequence[Outcome]) -> None:
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

    async def _commit(self, batch: Sequence[Request]) -> Sequence[Outcome]:
        unknown = False
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                connection = await self._connected()
                if connection is None:
                    return [Unavailable() for _ in batch]
                unknown = True
                outcomes = await send_messages(connection, batch)
            self.failing = False
            return outcomes
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("lane.batch_failed", error=type(error).__name__, size=len(batch))
        except Exception:
            # A bug must not take the lane, and every chat on it, down with it.
            log.error("lane.batch_broke", exc_info=True, size=len(batch))
        self.failing = True
        await self.disconnect()
        if not unknown:
            self._retry_at = asyncio.get_running_loop().time() + RECONNECT_SECONDS
        return [Unavailable(unknown=unknown) for _ in batch]

    async def _connected(self) -> AsyncConnection[Row] | None:
        """The lane's connection; None for a moment after one could not be made."""
        if self._connection is not None and _ended(self._connection):
            await self.disconnect()
        if self._connection is None:
            if asyncio.get_running_loop().time() < self._retry_at:
                return None
            self._connection = await self._connect()
        return self._connection

    async def disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # `close` of a connection in the middle of a query only closes the socket: the server
            # rolls back what was not committed.
            await asyncio.gather(connection.close(), return_exceptions=True)


def _ended(connection: AsyncConnection[Row]) -> bool:
    """Whether the server has closed it meanwhile: a lane may have been idle for long.

    The server says why before it closes: the first look reads that, the second finds the end.
    """
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return True
    return connection.closed


class Lanes:
    """All lanes of a process, and the waiting room before them."""

    def __init__(self, connect: Connect, committed: Committed, *, count: int) -> None:
        self._room = WaitingRoom()
        self._lanes = [Lane(connect, committed) for _ in range(count)]
        self._resting: list[asyncio.Event] = []
        """Of each lane without work, what wakes it."""
        self._look: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(lane), name="lane") for lane in self._lanes]

    def submit(self, request: Request) -> None:
        """Queue `request` behind what its chat asked before."""
        if self._room.full:
            request.reply(Unavailable("overloaded"))
            return
        self._room.put(request)
        self._idle.clear()
        self._call()

    async def drain(self) -> None:
        """Wait until everything queued was answered."""
        await self._idle.wait()

    async def stop(self) -> None:
        if self._look is not None:
            self._look.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(lane.disconnect() for lane in self._lanes))

    async def _run(self, lane: Lane) -> None:
        wake = asyncio.Event()
        while True:
            self._resting.append(wake)
            self._call()
            await wake.wait()
            wake.clear()
            while batch := self._room.take():
                await lane.work(batch)
                self._room.release(batch)
                if lane.failing and (late := self._room.take_late(QUEUE_SECONDS)):
                    log.warning("lane.waited_too_long", size=len(late))
                    lane.answer(late, [Unavailable("overloaded") for _ in late])
                if not self._worthwhile(working=1):
                    break
            if self._room.empty:
                self._idle.set()

    def _worthwhile(self, *, working: int) -> bool:
        """Whether one lane more should work than the others, or this one go on."""
        others = len(self._lanes) - len(self._resting) - working
        return self._room.ready >= (CROWD if others else 1)

    def _call(self) -> None:
        """Wake a lane where one is needed; else see soon whether the one at work is stuck."""
        if not self._room.ready or not self._resting:
            return
        if self._worthwhile(working=0):
            self._resting.pop().set()
        elif self._look is None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(PATIENCE_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        if self._resting and self._room.ready and self._room.waited() >= PATIENCE_SECONDS:
            self._resting.pop().set()
        self._call()
