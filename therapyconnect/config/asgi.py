"""The ASGI application: sockets to the door, everything else to Django."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

import django
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from therapyconnect.config.handler import ThreadHandler

django.setup(set_prefix=False)
django_application = ASGIStaticFilesHandler(ThreadHandler())

from therapyconnect.config.hub import make_hub  # noqa: E402
from therapyconnect.crisis.selectors import learn_whereabouts  # noqa: E402
from therapyconnect.messaging.services import engine as engines  # noqa: E402
from therapyconnect.messaging.services.sweep import Sweep  # noqa: E402
from therapyconnect.notifications.services.publisher import set_publisher  # noqa: E402
from therapyconnect.realtime.door import Door  # noqa: E402
from therapyconnect.realtime.gathered import GatheredReads  # noqa: E402
from therapyconnect.realtime.watch import SessionWatch  # noqa: E402

log = structlog.get_logger("therapyconnect.config.asgi")


class Application:
    """One process's application; its engine starts and stops with the server's lifespan."""

    def __init__(self) -> None:
        self.engine = engines.Engine(hub=None)
        self.hub = make_hub(self.engine, GatheredReads(self.engine.read))
        self.engine.hub = self.hub
        self.watch = SessionWatch(self.engine)
        self.sweep = Sweep(self.engine)
        self.door = Door(self.engine, self.hub, self.watch)

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            await self.door(scope, receive, send)
        elif scope["type"] == "http":
            await django_application(scope, receive, send)
        else:
            await self._lifespan(receive, send)

    async def drain(self) -> None:
        """Finish and answer every send in flight."""
        await self.engine.drain()

    async def _lifespan(
        self, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        await receive()
        try:
            await self.engine.start()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": type(error).__name__})
            return
        await self._learn_whereabouts()
        engines.install(self.engine)
        set_publisher(engines.publish)
        await self.hub.start()
        self.watch.start()
        self.sweep.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        set_publisher(None)
        await self.sweep.stop()
        await self.watch.stop()
        await self.hub.stop()
        await self.engine.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _learn_whereabouts(self) -> None:
        """So that an outage after this start finds no patient unknown; no start fails for it."""
        try:
            await self.engine.read(learn_whereabouts())
        except Exception as error:
            log.warning("asgi.whereabouts_unknown", error=type(error).__name__)


application = Application()
