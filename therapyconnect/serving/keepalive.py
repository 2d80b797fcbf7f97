"""Pings, so that a peer which vanished without a word is found and its socket ended."""

from __future__ import annotations

import asyncio
import random

from therapyconnect.serving.frames import PING
from therapyconnect.serving.limits import Limits
from therapyconnect.serving.push import Outbox


class Keepalive:
    """Closes with 1011 when nothing at all is heard for `ping_timeout_seconds` after a ping.

    Any byte shows that the peer lives. While `deaf` nothing can be heard, and that is not its
    fault.
    """

    __slots__ = ("_limits", "_loop", "_outbox", "_timer", "deaf", "heard")

    def __init__(self, *, loop: asyncio.AbstractEventLoop, limits: Limits, outbox: Outbox) -> None:
        self._loop = loop
        self._limits = limits
        self._outbox = outbox
        self._timer: asyncio.TimerHandle | None = None
        self.heard = False
        """To be set whenever bytes come."""
        self.deaf = False
        """To be set while the socket is not read."""

    def start(self) -> None:
        """Ping after the interval, less some jitter, so that sockets which came back together do
        not ping together.
        """
        delay = self._limits.ping_interval_seconds * random.uniform(0.8, 1.0)  # noqa: S311
        self._timer = self._loop.call_later(delay, self._ping)

    def stop(self) -> None:
        """No further ping; harmless when stopped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ping(self) -> None:
        self.heard = False
        self._timer = self._loop.call_later(self._limits.ping_timeout_seconds, self._check)
        if not self._outbox.paused:
            self._outbox.put(PING, b"")

    def _check(self) -> None:
        if self.heard or self.deaf:
            self.start()
            return
        self._timer = None
        self._outbox.close(1011, "keepalive ping timeout")
