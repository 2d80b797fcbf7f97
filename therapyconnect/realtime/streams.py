"""The stream of one chat in this process: its events in order, each once, for every socket.

Pushes come at most once and perhaps out of order; a stream lets an event through only when it is
the next one, and reads what is missing from the database. One read serves all sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from therapyconnect.messaging.policies.standing import Bar
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.events import Stretch
from therapyconnect.realtime.events import Arrival

log = structlog.get_logger("therapyconnect.realtime.streams")

ReadEvents = Callable[[str, int], Awaitable[Stretch | None]]
Deliver = Callable[[Arrival], None]

FILL_DELAYS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 5.0, 5.0, 5.0)
"""Seconds before each try to read what is missing; after the last the chat's sockets are closed."""


class ChatStream:
    """`last` is the number of the latest event delivered; None until it is known where to begin.

    `bar` is what keeps the two apart now: while there is one, neither is told what the other does.
    """

    __slots__ = (
        "_again",
        "_closed",
        "_deliver",
        "_expected",
        "_fill",
        "_late",
        "_lost",
        "_read",
        "_stood",
        "_waiting",
        "bar",
        "chat_id",
        "last",
    )

    def __init__(
        self,
        chat_id: str,
        *,
        read: ReadEvents,
        deliver: Deliver,
        late: Deliver,
        stood: Callable[[ChatAccess], None],
        lost: Callable[[str], None],
    ) -> None:
        self.chat_id = chat_id
        self.last: int | None = None
        self.bar: Bar | None = None
        self._read = read
        self._deliver = deliver
        self._late = late
        self._stood = stood
        self._lost = lost
        self._waiting: dict[int, Arrival] | None = None
        self._expected = 0
        self._again = False
        self._fill: asyncio.Task[None] | None = None
        self._closed = False

    def start(self, last_seq: int, bar: Bar | None = None) -> None:
        """Begin after `last_seq`, read from the database after the stream was registered."""
        if self.last is None:
            self.last = last_seq
            self.bar = bar
            self._advance()
            self._look_ahead()

    def push(self, arrival: Arrival) -> None:
        """Take an event as it was pushed; what was read before its push came is `late`."""
        if self.last is not None and self._waiting is None and arrival.seq == self.last + 1:
            self.last = arrival.seq
            self._deliver(arrival)
            return
        if self.last is not None and arrival.seq <= self.last:
            self._late(arrival)
            return
        if self._waiting is None:
            self._waiting = {}
        self._waiting[arrival.seq] = arrival
        self._advance()

    def suspect(self) -> None:
        """A commit's outcome is unknown: look whether there is something to deliver."""
        if self._fill is not None:
            self._again = True  # what it reads may be older than what is suspected
        elif self.last is not None and not self._closed:
            self._again = False
            self._fill = asyncio.get_running_loop().create_task(self._read_missing())

    def expect(self, seq: int) -> None:
        """Another process committed the events up to `seq`: read those that are not here yet."""
        self._expected = max(self._expected, seq)
        self._look_ahead()

    def close(self) -> None:
        self._closed = True
        if self._fill is not None:
            self._fill.cancel()

    def _advance(self) -> None:
        """Deliver what is next for as long as it is here; read what stays missing."""
        waiting = self._waiting
        if self.last is None or waiting is None or self._closed:
            return
        while (arrival := waiting.pop(self.last + 1, None)) is not None:
            self.last = arrival.seq
            self._deliver(arrival)
        for seq in [seq for seq in waiting if seq <= self.last]:
            self._late(waiting.pop(seq))
        if not waiting:
            self._waiting = None
        elif self._fill is None:
            self.suspect()

    def _look_ahead(self) -> None:
        if self._fill is None and self.last is not None and self.last < self._expected:
            self.suspect()

    async def _read_missing(self) -> None:
        try:
            tries = 0
            while tries < len(FILL_DELAYS):
                await asyncio.sleep(FILL_DELAYS[tries])
                tries += 1
                before = self.last
                try:
                    while self.last is not None:
                        stretch = await self._read(self.chat_id, self.last)
                        if stretch is None:
                            break
                        if not stretch.happenings:
                            # As it stands, unless something newer was let through meanwhile.
                            if stretch.chat.last_seq == self.last:
                                self._stood(stretch.chat)
                            break
                        self._take(stretch)
                        if self.last is not None and self.last >= stretch.chat.last_seq:
                            break  # what comes now is told
                except Exception as error:
                    log.warning("stream.read_failed", error=type(error).__name__)
                    continue
                if self._waiting is None and (self.last or 0) >= self._expected:
                    return
                if self.last != before:
                    tries = 0  # it goes on, and more was told meanwhile: nothing is waited for
            log.error("stream.lost", chat_id=self.chat_id)
            self._closed = True
            self._lost(self.chat_id)
        finally:
            self._fill = None
            if not self._closed:
                self._advance()
                self._look_ahead()
                if self._again:
                    self.suspect()

    def _take(self, stretch: Stretch) -> None:
        for happening in stretch.happenings:
            if self._closed or self.last is None or happening.seq <= self.last:
                continue
            waiting = self._waiting
            pushed = waiting.pop(happening.seq, None) if waiting is not None else None
            self.last = happening.seq
            self._deliver(pushed if pushed is not None else Arrival(happening, stretch.chat))
        self._advance()
