"""The watch: sockets whose session ended, whose user was deactivated or whose token ran out.

It asks the database every two seconds for all sockets of the process at once, so that a revoked
session's sockets are closed within five, whoever revoked it and wherever. Who came with an outside
provider's token has no session here: their sockets live while the user is active.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, Protocol

import structlog

from therapyconnect.accounts.principal import ACTIVE_SQL, ALIVE_SQL, Principal
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
        ours = [socket for socket in sockets if not socket.principal.outside]
        await self._close_ended(ALIVE_SQL, _by(ours, lambda one: one.session_id))
        theirs = [socket for socket in sockets if socket.principal.outside]
        await self._close_ended(ACTIVE_SQL, _by(theirs, lambda one: one.id))

    async def _close_ended(self, sql: str, sockets: dict[str, list[Watched]]) -> None:
        """Close the sockets under each id that `sql` does not give back."""
        ids = list(sockets)
        for at in range(0, len(ids), CHUNK):
            asked = ids[at : at + CHUNK]
            alive = await self._engine.read(_ids(sql, asked))
            for ended in set(asked) - alive:
                for socket in sockets[ended]:
                    socket.close(TOKEN_ENDED, "session ended")


def _by(sockets: list[Watched], name: Callable[[Principal], str]) -> dict[str, list[Watched]]:
    grouped: dict[str, list[Watched]] = {}
    for socket in sockets:
        grouped.setdefault(name(socket.principal), []).append(socket)
    return grouped


def _ids(sql: str, ids: list[str]) -> Reading[set[str]]:
    rows = yield Query(sql, (ids,))
    return {row[0] for row in rows}
