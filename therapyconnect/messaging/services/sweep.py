"""The sweep: what must happen by itself is found in the rows, each second, and done.

Nothing is handed over and nothing remembered: killed at any step, the next sweep finds what is due.
Several processes may sweep at once; each alert is ended by one of them.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from therapyconnect.core import clock
from therapyconnect.core.hub import AlertChanged
from therapyconnect.messaging.selectors.emergencies import SWEEP_LIMIT, exhaust_due
from therapyconnect.messaging.services.engine import Engine

log = structlog.get_logger("therapyconnect.messaging.sweep")

INTERVAL_SECONDS: Final = 1.0


class Sweep:
    """Ends alerts that nobody took in time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="sweep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                while await self._exhaust() == SWEEP_LIMIT:
                    pass
            except Exception as error:
                # The database is away: what is due stays due.
                log.warning("sweep.failed", error=type(error).__name__)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def _exhaust(self) -> int:
        ended = await self._engine.read(exhaust_due(now=clock.now()))
        for alert in ended:
            log.warning("emergency.exhausted", alert_id=alert.id)
        if ended and self._engine.hub is not None:
            self._engine.hub.publish([AlertChanged(alert.chat_id, alert) for alert in ended])
        return len(ended)
