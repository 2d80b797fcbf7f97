"""The application under one HTTP request: how many at once, and what is said where it fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from uvicorn._types import (
    ASGI3Application,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    Scope,
)
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from therapyconnect.serving.answers import OVERLOADED, SERVER_ERROR, Refusal
from therapyconnect.serving.failures import log_failure

if TYPE_CHECKING:
    from therapyconnect.serving.http import HttpProtocol


class _TooMany(Exception):
    """This request is one too many."""


class Guarded:
    """The application, with its failures logged by type and answered in our shape.

    It is let go on with a whole request only where not too many are under way: one whose body is
    still on its way costs little, so who dribbles takes nobody's place.
    """

    __slots__ = ("_app", "_counted", "_cycle", "_protocol")

    def __init__(
        self, app: ASGI3Application, cycle: RequestResponseCycle, protocol: HttpProtocol
    ) -> None:
        self._app = app
        self._cycle = cycle
        self._protocol = protocol
        self._counted = False

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        cycle = self._cycle

        async def receive_if_few() -> ASGIReceiveEvent:
            event = await receive()
            if event["type"] == "http.request" and not event["more_body"]:
                self._count(scope)
            return event

        try:
            await self._app(scope, receive_if_few, send)
        except _TooMany:
            await _answer(cycle, OVERLOADED, self._protocol.beside_request(cycle.scope))
        except Exception as exc:
            log_failure("HTTP application", exc)
            if cycle.response_started:
                self._protocol.transport.abort()
            elif not cycle.disconnected:
                await _answer(cycle, SERVER_ERROR, self._protocol.beside_request(cycle.scope))
        finally:
            self._protocol.config.under_way -= self._counted

    def _count(self, scope: Scope) -> None:
        config = self._protocol.config
        if self._counted:
            return
        if config.under_way >= config.limits.requests and not config.always(scope["path"]):  # type: ignore[typeddict-item]
            raise _TooMany
        config.under_way += 1
        self._counted = True


async def _answer(cycle: RequestResponseCycle, refusal: Refusal, fields: Mapping[str, Any]) -> None:
    head, _, body = refusal.answer(beside=fields).partition(b"\r\n\r\n")
    lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    headers = [(name, value) for name, value in lines]
    await cycle.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await cycle.send({"type": "http.response.body", "body": body, "more_body": False})
