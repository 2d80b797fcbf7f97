"""The door: who may open a socket. Every refusal is an HTTP status, before the upgrade.

Each opening takes one of the user's bucket `socket`, and each that nobody vouches for one of its
address's `socket_refused`. Whose bucket is empty is refused before anything is asked. Who has a
token that holds passes the gate, which lets in so many at a time.
"""

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
from therapyconnect.accounts.quotas import (
    address_key,
    rate_of,
    subscriber_of,
    take,
    take_named,
    user_key,
)
from therapyconnect.accounts.tokens import AccessClaims, bearer_token
from therapyconnect.core.errors import (
    DomainError,
    Forbidden,
    NotFound,
    Problem,
    Throttled,
    Unauthenticated,
)
from therapyconnect.core.queries import Reading
from therapyconnect.core.rest.errors import error_body, translate
from therapyconnect.core.rest.renderers import MsgspecRenderer
from therapyconnect.crisis.selectors import resources_of
from therapyconnect.messaging.services.engine import Engine
from therapyconnect.realtime.consumers import ChatConsumer, NotificationConsumer
from therapyconnect.realtime.gate import Gate
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.turnstile import Turnstile
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
        self._turnstile = Turnstile()
        self._gate = Gate()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        consumer: AnyConsumer | None = None
        try:
            try:
                claims = await self._identify(scope)
                async with self._gate.passing():
                    consumer = await self._admit(scope, claims)
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
            if consumer is not None:
                self._watch.discard(consumer)
                consumer.leave()

    async def _identify(self, scope: Scope) -> AccessClaims:
        """Whose token it is that was signed and has not expired; what takes no question."""
        headers = _headers(scope)
        self._check_address(scope, headers)
        self._check_origin(headers)
        self._turnstile.check(_refused_key(_address(scope)))
        try:
            claims = await verify_access_async(_token(scope, headers))
        except Unauthenticated:
            await self._count_refusal(_address(scope))
            raise
        self._turnstile.check(user_key("socket", claims.user_id))
        return claims

    async def _admit(self, scope: Scope, claims: AccessClaims) -> AnyConsumer:
        chat, user = _CHAT_PATH.fullmatch(scope["path"]), _USER_PATH.fullmatch(scope["path"])
        try:
            principal = await self._engine.read(self._admission(claims))
        except Unauthenticated:
            await self._count_refusal(_address(scope))
            raise
        if chat is None and user is None:
            raise NotFound()
        if user is not None and user[1] != principal.id:
            raise Forbidden("identity_mismatch", "Not the caller's own id.")
        common: dict[str, Any] = {
            "principal": principal,
            "push": scope["extensions"][PUSH],
            "engine": self._engine,
            "hub": self._hub,
            "throttled": settings.THERAPYCONNECT["THROTTLES"],
        }
        if chat is not None:
            return ChatConsumer(chat_id=chat[1], **common)
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

    def _admission(self, claims: AccessClaims) -> Reading[Principal]:
        """The caller, with one of their sockets taken; a refusal of any kind is raised."""
        principal = yield from principal_of(claims)
        require_enrolled(principal)
        taking = take_named("socket", principal.id, durable=False)
        yield from self._through(user_key("socket", principal.id), taking)
        if principal.role == "patient":
            # Before the consumer joins: nothing may come between that and its greeting.
            yield from _locating(principal.id)
        return principal

    async def _count_refusal(self, address: str) -> None:
        """Take one of the address's bucket, or raise `Throttled`."""
        if not settings.THERAPYCONNECT["THROTTLES"]:
            return
        key, rate = address_key("socket_refused", address), rate_of("socket_refused")
        taking = take(key, rate, durable=False)
        try:
            await self._engine.read(self._through(_refused_key(address), taking))
        except Throttled:
            raise
        except Exception as error:  # the refusal stands without being counted
            log.warning("door.not_counted", error=type(error).__name__)

    def _through(self, key: str, taking: Reading[None]) -> Reading[None]:
        """Take; where nothing is left, whoever comes next is refused without asking."""
        # Again: while this one waited for a connection, another may have found nothing left.
        self._turnstile.check(key)
        try:
            yield from taking
        except Throttled as refused:
            self._turnstile.shut(key, refused.retry_after or 1)
            raise

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


def _locating(patient_id: str) -> Reading[None]:
    """Learn where a patient is, for the answers to an emergency; no socket fails for it."""
    try:
        yield from resources_of(patient_id)
    except Exception as error:
        log.warning("door.not_located", error=type(error).__name__)


def _refused_key(address: str) -> str:
    return f"socket_refused:{subscriber_of(address)}"


def _address(scope: Scope) -> str:
    return scope["client"][0] if scope["client"] else ""


def _token(scope: Scope, headers: dict[str, list[str]]) -> str:
    """By header or subprotocol; never by the URL, which ends up in logs."""
    tokens = [bearer_token(value) for value in headers.get("authorization", [])]
    tokens += [p.removeprefix(_BEARER) for p in scope["subprotocols"] if p.startswith(_BEARER)]
    if len(tokens) != 1 or not tokens[0]:
        raise Unauthenticated()
    return tokens[0]


def _headers(scope: Scope) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers
