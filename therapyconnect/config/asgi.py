"""The ASGI application: sockets to the door, the web client from memory, the rest to Django."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

import django
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

django.setup(set_prefix=False)

from django.conf import settings  # noqa: E402

from therapyconnect.accounts.outside.access import verify_access_async  # noqa: E402
from therapyconnect.accounts.principal import principal_of  # noqa: E402
from therapyconnect.accounts.tokens import bearer_token  # noqa: E402
from therapyconnect.config.browsers import WEB_CLIENT_HEADERS  # noqa: E402
from therapyconnect.config.hub import make_hub  # noqa: E402
from therapyconnect.config.spooling import SpoolingHandler  # noqa: E402
from therapyconnect.crisis.selectors import learn_whereabouts  # noqa: E402
from therapyconnect.messaging.services import engine as engines  # noqa: E402
from therapyconnect.messaging.services.attaching import UPLOAD_PATH  # noqa: E402
from therapyconnect.messaging.services.attachment_sweep import AttachmentSweep  # noqa: E402
from therapyconnect.messaging.services.sweep import Sweep  # noqa: E402
from therapyconnect.notifications.services.publisher import set_publisher  # noqa: E402
from therapyconnect.realtime.door import Door  # noqa: E402
from therapyconnect.realtime.gathered import GatheredReads  # noqa: E402
from therapyconnect.realtime.watch import SessionWatch  # noqa: E402
from therapyconnect.web.build import Build  # noqa: E402
from therapyconnect.web.places import FOLDERS, told  # noqa: E402
from therapyconnect.web.responder import WebClient  # noqa: E402

log = structlog.get_logger("therapyconnect.config.asgi")


class Application:
    """One process's application; its engine starts and stops with the server's lifespan."""

    def __init__(self) -> None:
        self.engine = engines.Engine(hub=None)
        self.hub = make_hub(self.engine, GatheredReads(self.engine.read))
        self.engine.hub = self.hub
        self.watch = SessionWatch(self.engine)
        self.sweep = Sweep(self.engine)
        self.attachments = AttachmentSweep()
        self.door = Door(self.engine, self.hub, self.watch)
        self.http = WebClient(
            Build(*FOLDERS),
            ASGIStaticFilesHandler(
                SpoolingHandler(
                    settings.THERAPYCONNECT["UPLOADS"],
                    known=self._known,
                    large=frozenset({UPLOAD_PATH}),
                )
            ),
            headers=WEB_CLIENT_HEADERS,
            told=told,
            https_only=settings.SECURE_SSL_REDIRECT,
        )

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "websocket":
            await self.door(scope, receive, send)
        elif scope["type"] == "http":
            await self.http(scope, receive, send)
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
        self.attachments.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        set_publisher(None)
        await asyncio.to_thread(self.attachments.stop)
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

    async def _known(self, authorization: str | None) -> bool:
        """Whether it is worth reading what this caller sends; the view says what is wrong."""
        try:
            token = bearer_token(authorization)
            if token is None:
                return False
            await self.engine.read(principal_of(await verify_access_async(token)))
        except Exception:
            return False
        return True


application = Application()
