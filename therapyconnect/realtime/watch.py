"""The watch: sockets whose session ended, whose user was deactivated or whose token ran out.

It asks the database every two seconds for all sockets of the process at once, so that a revoked
session's sockets are closed within five, whoever revoked it and wherever.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final, Protocol

import structlog

from therapyconnect.accounts.principal import ALIVE_SQL, Principal
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.services.engine import Engine

log = structlog.get_logger("therapyconnect.realtime.watch")

INTERVAL_SECONDS: Final = 2.0
CHUNK: Final = 2_000
TOKEN_ENDED: Final = 4401


class Watched(Protocol):
    principal: Principal

    def close(self, code: int, reason: str = "") -> None: ...


class SessionWatch:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sockets: set[Watched] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="session-watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, socket: Watched) -> None:
        self._sockets.add(socket)

    def discard(self, socket: Watched) -> None:
        self._sockets.discard(socket)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            try:
                await self._look()
            except Exception as error:
                # The database is away: nothing can be said of a session until it is back.
                log.warning("watch.failed", error=type(error).__name__)

    async def _look(self) -> None:
        now = time.time()
        sockets = list(self._sockets)
        for socket in sockets:
            if socket.principal.expires_at <= now:
                socket.close(TOKEN_ENDED, "token expired")
        by_session: dict[str, list[Watched]] = {}
        for socket in sockets:
            by_session.setdefault(socket.principal.session_id, []).append(socket)
        ids = list(by_session)
        for at in range(0, len(ids), CHUNK):
            asked = ids[at : at + CHUNK]
            alive = await self._engine.read(_alive(asked))
            for session_id in asked:
                if session_id not in alive:
                    for socket in by_session[session_id]:
                        socket.close(TOKEN_ENDED, "session ended")


def _alive(session_ids: list[str]) -> Reading[set[str]]:
    rows = yield Query(ALIVE_SQL, (session_ids,))
    return {row[0] for row in rows}
