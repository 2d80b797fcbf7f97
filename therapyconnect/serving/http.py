"""The HTTP side: uvicorn's httptools protocol, with a bound on every byte and second that a client
may take.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from therapyconnect.serving.answers import (
    BAD_REQUEST,
    GOING_AWAY,
    HEADERS_TOO_LARGE,
    NOTHING,
    PAYLOAD_TOO_LARGE,
    REQUEST_TIMEOUT,
    Refusal,
)
from therapyconnect.serving.beside import beside
from therapyconnect.serving.config import ServingConfig
from therapyconnect.serving.guarded import Guarded
from therapyconnect.serving.websocket import WebSocketProtocol


class HttpProtocol(HttpToolsProtocol):
    """One connection until it closes or becomes a WebSocket.

    A head must end within `head_seconds` and `head_bytes` (408, 431), a body within its time and
    limit (408, 413); what is not HTTP gets 400. Each of these answers closes the connection. All
    else is the application's.
    """

    config: ServingConfig

    def __init__(
        self,
        config: ServingConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits = config.limits
        # Where the parser stands: before the end of a head, or (not `awaits_head`) in a body.
        self.awaits_head = True
        self.head_begun = False
        self.head_size = 0
        self.body_size = 0
        self.body_limit = 0
        self.body_began = 0.0
        self.silent_size = 0
        self.upgrading = False
        self.refusal: Refusal | None = None
        self.refused = False
        self.deadline: asyncio.TimerHandle | None = None
        self.newcomer_until = 0.0
        self.stall: asyncio.TimerHandle | None = None
        # The request whose body is being read, if any: the one that a refusal is about.
        self.reading_cycle: RequestResponseCycle | None = None

    # The connection, as the loop tells it.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm(self.limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._end_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return  # lingering: read so that the kernel does not reset, and thrown away
        self._unset_keepalive_if_required()
        at = 0
        while at < len(data) and self.refusal is None and self.parser is not None:
            # In a head no more is parsed than it may still hold; elsewhere a new head may begin in
            # any piece.
            room = self.limits.head_bytes - (self.head_size if self.awaits_head else 0)
            piece = data if at == 0 and len(data) <= room else data[at : at + max(room, 1)]
            at += len(piece)
            if not self._parse(piece, data, at):
                return
        if self.refusal is not None:
            self._refuse(self.refusal)
        else:
            self._watch()

    def eof_received(self) -> None:
        if self.refused:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stall = self.loop.call_later(self.limits.response_stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_stall()
        super().resume_writing()

    def _end_stall(self) -> None:
        if self.stall is not None:
            self.stall.cancel()
            self.stall = None

    def _parse(self, piece: bytes, data: bytes, end: int) -> bool:
        """Feed the parser; False where the connection is no longer ours."""
        before = self.head_size if self.awaits_head else 0
        fresh = self.awaits_head and not self.head_begun
        self.ended = False
        self.silent_size += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            if self.upgrading:
                self._upgrade(data[end - len(piece) + upgrade.args[0] :])
                return False
            # Another protocol than WebSocket: the request is answered as plain HTTP, and is the
            # connection's last.
            if self.cycle is not None:
                self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self.refusal = self.refusal or BAD_REQUEST
        if self.refusal is None:
            if self.awaits_head:
                if not self.ended and (self.head_begun or fresh):
                    # All of this piece belongs to one head. Counted as received, so that dribbled,
                    # padded and never-ending lines count too.
                    self.head_size = before + len(piece)
                if self.head_size >= self.limits.head_bytes:
                    self.refusal = HEADERS_TOO_LARGE
            elif self.silent_size > 2 * self.limits.head_bytes:
                # Trailers or chunk extensions without end.
                self.refusal = HEADERS_TOO_LARGE
        return True

    # Parser callbacks.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_begun = True
        self.head_size = 0
        self.upgrading = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.awaits_head:  # else a trailer, which must not pass for a header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self.awaits_head = False
        self.head_begun = False
        self.body_size = self.silent_size = 0
        self._disarm()
        if self.refusal is not None:
            return
        # A head that began in the middle of a piece was not counted byte by byte.
        size = len(self.url) + 16 + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.limits.head_bytes:
            self.refusal = HEADERS_TOO_LARGE
            return
        method = self.parser.get_method().decode("ascii")
        self.body_limit = self.config.body_limit(
            method, self.url.partition(b"?")[0].decode("latin-1")
        )
        if any(
            name == b"content-length" and int(value) > self.body_limit
            for name, value in self.headers
        ):
            self.refusal = PAYLOAD_TOO_LARGE
            return
        self.upgrading = self.parser.should_upgrade() and self._should_upgrade()
        super().on_headers_complete()
        if not self.upgrading:
            self.reading_cycle = self.cycle

    def on_body(self, body: bytes) -> None:
        self.silent_size = 0
        self.body_size += len(body)
        if self.refusal is not None:
            return
        if self.body_size > self.body_limit:
            self.refusal = PAYLOAD_TOO_LARGE
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.awaits_head = True
        self.ended = True
        self.head_size = 0
        self._disarm()
        self.reading_cycle = None
        if self.refusal is None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.refusal is not None and not self.refused:
            self._refuse(self.refusal)

    # Upgrade and application.

    def _upgrade(self, rest: bytes) -> None:
        self._disarm()
        self.connections.discard(self)
        unanswered = self.cycle is not None and not self.cycle.response_complete
        if unanswered or self.transport.get_write_buffer_size():
            # Pipelined behind an answer that is still on its way: both cannot have the connection.
            self.transport.abort()
            return
        self.scope["method"] = self.parser.get_method().decode("ascii")
        protocol = WebSocketProtocol(self)
        self.transport.set_protocol(protocol)
        protocol.start(scope=self.scope, url=self.url, rest=rest)  # type: ignore[arg-type]
        self.parser = None  # type: ignore[assignment]  # breaks the circle between parser and protocol

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        super()._start_asgi_task(cycle, Guarded(app, cycle, self))

    # Refusals and deadlines.

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close; behind a request that is still being answered, close after that one's
        answer.
        """
        self.refusal = refusal
        cycle = self.cycle
        unanswered = cycle is not None and not cycle.response_complete
        if unanswered and (self.reading_cycle is None or self.pipeline):
            cycle.keep_alive = False
            self.flow.pause_reading()
            return
        self.refused = True
        self._disarm()
        self._unset_keepalive_if_required()
        if unanswered:
            # Its own body is at fault: the application sees a disconnect, the client our answer.
            started = cycle.response_started
            cycle.disconnected = True
            cycle.message_event.set()
            if started:
                self.transport.abort()
                return
        if self.transport.is_closing():
            return
        self.transport.write(self._answer(refusal))
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.deadline = self.loop.call_later(self.limits.linger_seconds, self.transport.abort)

    def _answer(self, refusal: Refusal) -> bytes:
        fields = NOTHING
        # Behind a whole request, what is refused has no name yet.
        if self.head_begun or not self.awaits_head:
            method = self.parser.get_method()
            fields = beside(self.config.beside_refusal, method, self.url, self.headers)
        return refusal.answer(self.server_state.default_headers, fields)

    def beside_request(self, scope: Any) -> Mapping[str, Any]:
        """What a refusal of the request that the application has says besides."""
        wish = self.config.beside_refusal
        return beside(wish, scope["method"], scope["raw_path"], scope["headers"])

    def _watch(self) -> None:
        """Have a clock run while a head or a body is incomplete. Whole requests in one read never
        set one.
        """
        if self.deadline is not None:
            return
        if self.awaits_head:
            if (self.head_size or self.head_begun) and not self.transport.is_closing():
                self._arm(self.limits.head_seconds)
        else:
            self.body_began = self.loop.time()
            self._arm(self.limits.body_seconds)

    def _arm(self, seconds: float) -> None:
        self.deadline = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _late(self) -> None:
        self.deadline = None
        if not self.awaits_head:
            granted = self.limits.body_seconds + self.body_size / self.limits.body_bytes_per_second
            left = self.body_began + granted - self.loop.time()
            if left < 0.001 and self.flow.read_paused:
                left = 1.0  # the application is behind, not the client
            if left >= 0.001:
                self._arm(left)
                return
        self._refuse(REQUEST_TIMEOUT)

    def shutdown(self) -> None:
        """End when idle, or after the response under way.

        Who has come and not been answered yet gets a moment: it was let in, and is about to ask.
        """
        if self.refused:
            return
        if self.cycle is None or self.head_begun:
            self.newcomer_until = self.newcomer_until or (
                self.loop.time() + self.limits.newcomer_seconds
            )
            if self.loop.time() < self.newcomer_until:
                return
        super().shutdown()

    def cut_off(self) -> None:
        """End now: who waits for an answer is told that none comes, where that can be said."""
        cycle = self.cycle
        waits = cycle is not None and not (cycle.response_started or cycle.disconnected)
        if not waits or self.refused or self.pipeline or self.transport.is_closing():
            self.transport.abort()
            return
        cycle.disconnected = True
        cycle.message_event.set()
        fields = self.beside_request(cycle.scope)
        self.transport.write(GOING_AWAY.answer(self.server_state.default_headers, fields))
        self.transport.close()
