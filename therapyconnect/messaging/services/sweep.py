"""The sweep: what must happen by itself is found in the rows, each second, and done.

Nothing is handed over: killed at any step, the next sweep finds what is due. Several processes may
sweep at once; each alert is ended by one of them.

What is remembered is only whom to tell. A commit whose answer was lost may have changed an alert
with nobody told, and the rows no longer show that it was due. So the sweep looks at such chats
again, and tells what it finds; the hub drops what it has told already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from therapyconnect.core import clock
from therapyconnect.core.hub import AlertChanged
from therapyconnect.messaging.selectors.behind import alerts_changed
from therapyconnect.messaging.selectors.emergencies import chats_due, exhaust_due
from therapyconnect.messaging.services.engine import Engine
from therapyconnect.messaging.shapes import EmergencyAlert

log = structlog.get_logger("therapyconnect.messaging.sweep")

INTERVAL_SECONDS: Final = 1.0
AT_ONCE: Final = 200


class Sweep:
    """Ends alerts that nobody took in time, and tells of those whose change nobody was told of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._task: asyncio.Task[None] | None = None
        self._ending: dict[str, datetime] = {}
        """Chats whose alert was being ended when the answer was lost, and as of when."""
        self._told: set[tuple[str, str]] = set()
        """Alerts of the chats in doubt, with the state that was told."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="sweep")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            for step in (self._tell_doubted, self._exhaust):
                try:
                    await step()
                except Exception as error:
                    # The database is away: what is due stays due, what is in doubt in doubt.
                    log.warning("sweep.failed", error=type(error).__name__)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def _exhaust(self) -> None:
        now = clock.now()
        due = await self._engine.read(chats_due(now=now))
        await self._tell_ended(set(due))
        for at in range(0, len(due), AT_ONCE):
            chat_ids = due[at : at + AT_ONCE]
            try:
                ended = await self._engine.read(exhaust_due(chat_ids, now=now))
            except Exception:
                self._ending = dict.fromkeys(chat_ids, now) | self._ending
                raise
            for alert in ended:
                self._ending.pop(alert.chat_id, None)
            self._tell(ended)

    async def _tell_ended(self, due: set[str]) -> None:
        """Of those whose end may have been lost, what is due no longer has ended."""
        ended = sorted(self._ending.keys() - due)
        if ended:
            since = min(self._ending[chat_id] for chat_id in ended)
            self._tell(await self._engine.read(alerts_changed(ended, since=since)))
            for chat_id in ended:
                del self._ending[chat_id]

    def _tell(self, alerts: Sequence[EmergencyAlert]) -> None:
        for alert in alerts:
            if alert.state == "exhausted":
                log.warning("emergency.exhausted", alert_id=alert.id)
        if alerts and self._engine.hub is not None:
            self._engine.hub.publish([AlertChanged(alert.chat_id, alert) for alert in alerts])

    async def _tell_doubted(self) -> None:
        """Look each second, for as long as a commit whose answer was lost may come through."""
        doubts, hub, began = self._engine.alert_doubts, self._engine.hub, clock.now()
        if not doubts.chat_ids or hub is None:
            self._told.clear()
            return
        found = await self._engine.read(alerts_changed(doubts.chat_ids, since=doubts.since))
        news = [alert for alert in found if (alert.id, alert.state) not in self._told]
        if news:
            hub.publish([AlertChanged(alert.chat_id, alert) for alert in news])
            self._told.update((alert.id, alert.state) for alert in news)
        doubts.looked(began)
