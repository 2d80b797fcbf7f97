"""The door: who may open a socket. Every refusal is an HTTP status, before the upgrade."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from therapyconnect.accounts.outside.access import verify_access_async
from therapyconnect.accounts.principal import Principal, principal_of, require_enrolled
from therapyconnect.accounts.tokens import bearer_token
from therapyconnect.core.errors import DomainError, Forbidden, NotFound, Problem, Unauthenticated
from therapyconnect.core.rest.errors import error_body, translate
from therapyconnect.core.rest.renderers import MsgspecRenderer
from therapyconnect.messaging.services.engine import Engine
from therapyconnect.realtime.consumers import ChatConsumer, NotificationConsumer
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.watch import SessionWatch
from therapyconnect.serving import PUSH

log = structlog.get_logger("therapyconnect.realtime.door")

SUBPROTOCOL: Final = "therapyconnect.v1"
_BEARER: Final = "bearer."
_CHAT_PATH: Final = re.compile(r"/ws/chat/([^/]+)/")
_USER_PATH: Final = re.compile(r"/ws/notifications/([^/]+)/")

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
AnyConsumer = ChatConsumer | NotificationConsumer


class Door:
    """The ASGI application for sockets."""

    def __init__(self, engine: Engine, hub: MemoryHub, watch: SessionWatch) -> None:
        self._engine = engine
        self._hub = hub
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        try:
            consumer = await self._admit(scope)
        except Exception as error:
            await self._refuse(send, error)
            return
        try:
            try:
                await consumer.join()
            except Exception as error:
                await self._refuse(send, error)
                return
            offered = SUBPROTOCOL in scope["subprotocols"]
            await send(
                {"type": "websocket.accept", "subprotocol": SUBPROTOCOL if offered else None}
            )
            consumer.establish()
            self._watch.add(consumer)
            await consumer.run(receive)
        finally:
            self._watch.discard(consumer)
            consumer.leave()

    async def _admit(self, scope: Scope) -> AnyConsumer:
        headers = _headers(scope)
        self._check_address(scope, headers)
        self._check_origin(headers)
        chat, user = _CHAT_PATH.fullmatch(scope["path"]), _USER_PATH.fullmatch(scope["path"])
        principal = await self._authenticate(scope, headers)
        common: dict[str, Any] = {
            "principal": principal,
            "push": scope["extensions"][PUSH],
            "engine": self._engine,
            "hub": self._hub,
            "throttled": settings.THERAPYCONNECT["THROTTLES"],
        }
        if chat is not None:
            return ChatConsumer(chat_id=chat[1], **common)
        if user is None:
            raise NotFound()
        if user[1] != principal.id:
            raise Forbidden("identity_mismatch", "Not the caller's own id.")
        return NotificationConsumer(**common)

    def _check_address(self, scope: Scope, headers: dict[str, list[str]]) -> None:
        """The host must be one of ours, and in production the line must be encrypted."""
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not validate_host(
            split_domain_port(hosts[0])[0], settings.ALLOWED_HOSTS
        ):
            raise Forbidden("host_not_allowed", "The server has no such name.")
        if settings.THERAPYCONNECT["MODE"] == "production" and scope["scheme"] != "wss":
            raise Forbidden("https_required", "Only encrypted connections are taken.")

    def _check_origin(self, headers: dict[str, list[str]]) -> None:
        """A browser always sends its origin; it must be on the list to the letter."""
        for origin in headers.get("origin", []):
            if origin not in settings.CORS_ALLOWED_ORIGINS:
                raise Forbidden("origin_not_allowed", "This origin may not connect.")

    async def _authenticate(self, scope: Scope, headers: dict[str, list[str]]) -> Principal:
        """By header or subprotocol; never by the URL, which ends up in logs."""
        tokens = [bearer_token(value) for value in headers.get("authorization", [])]
        tokens += [p.removeprefix(_BEARER) for p in scope["subprotocols"] if p.startswith(_BEARER)]
        if len(tokens) != 1 or not tokens[0]:
            raise Unauthenticated()
        claims = await verify_access_async(tokens[0])
        principal = await self._engine.read(principal_of(claims))
        require_enrolled(principal)
        return principal

    async def _refuse(self, send: Send, error: Exception) -> None:
        domain = translate(error)
        problems: tuple[Problem, ...]
        if domain is None:
            log.error("door.broke", exc_info=error)
            status, problems = 500, (Problem("server_error", "The server made a mistake."),)
        else:
            status, problems = domain.status, domain.problems
        request_id = uuid.uuid4().hex
        headers = [
            (b"content-type", b"application/json"),
            (b"x-request-id", request_id.encode()),
            (b"cache-control", b"no-store"),
        ]
        if isinstance(domain, DomainError) and domain.retry_after is not None:
            headers.append((b"retry-after", str(domain.retry_after).encode()))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        body = MsgspecRenderer().render(error_body(status, problems, request_id))
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers
