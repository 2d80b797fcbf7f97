"""The WebSocket side: ASGI events in and out, keepalive, and every way in which a socket can end.

Replaces uvicorn's `WebSocketsSansIOProtocol`, whose handshake hangs above 8 KiB, whose close waits
for a stalled reader for ever, and which holds two queues, two events and a parser for each idle
socket.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected

from therapyconnect.serving import handshake
from therapyconnect.serving.answers import (
    BAD_HANDSHAKE,
    FORBIDDEN,
    GOING_AWAY,
    SERVER_ERROR,
    Header,
    Refusal,
    response,
)
from therapyconnect.serving.failures import log_failure
from therapyconnect.serving.frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    parse_close,
)
from therapyconnect.serving.inbox import Inbox
from therapyconnect.serving.keepalive import Keepalive
from therapyconnect.serving.push import CHUNK_BYTES, Outbox

if TYPE_CHECKING:
    from therapyconnect.serving.http import HttpProtocol

PUSH = "therapyconnect.push"
"""Where the scope's extensions hold the socket's `PushChannel`."""

GOING_AWAY_CODE, GOING_AWAY_REASON = 1001, "reconnect with jitter"

logger = logging.getLogger("therapyconnect.serving")

_HANDSHAKE, _OPEN, _ENDED = range(3)


class WebSocketProtocol(asyncio.Protocol):
    """One socket, from the moment its handshake was read.

    Reading stops while the application is `inbox_messages` behind, so a flood is held back by TCP
    and not by memory.
    """

    __slots__ = (
        "_answer", "_app", "_connect_seen", "_draining", "_inbox", "_keepalive", "_key", "_limits",
        "_loop", "_message_began", "_message_timer", "_outbox", "_reader", "_reading", "_scope",
        "_server_state", "_state", "_transport", "_writers",
    )  # fmt: skip

    def __init__(self, http: HttpProtocol) -> None:
        """Take the connection over from the HTTP protocol that has read the request head."""
        self._limits = http.config.limits
        self._app = http.app
        self._loop = http.loop
        self._server_state = http.server_state
        self._transport = http.transport
        self._outbox = Outbox(
            transport=http.transport,
            loop=http.loop,
            limits=self._limits,
            flusher=http.config.flusher,
            on_close=self._closing,
        )
        self._reader = FrameReader(self._limits.message_bytes)
        self._inbox = Inbox(http.loop)
        self._keepalive = Keepalive(loop=http.loop, limits=self._limits, outbox=self._outbox)
        self._writers: asyncio.Future[None] | None = None
        self._scope: dict[str, Any] | None = None
        self._key = b""
        self._answer: tuple[int, list[Header], bytearray] | None = None
        self._connect_seen = False
        self._state = _HANDSHAKE
        self._draining = False
        self._reading = True
        self._message_began = 0.0
        self._message_timer: asyncio.TimerHandle | None = None
        self._server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn names its own classes

    # The connection, as the loop tells it.

    def start(self, *, scope: dict[str, Any], url: bytes, rest: bytes) -> None:
        """Check the handshake and start the application; `scope` is the one of the HTTP request."""
        headers: list[Header] = scope["headers"]
        refusal = handshake.check(
            method=scope["method"], http_version=scope["http_version"], headers=headers
        )
        extensions = {"websocket.http.response": {}, PUSH: self._outbox}
        self._scope = handshake.make_scope(scope, url, extensions) if refusal is None else None
        if self._scope is None:
            self._refuse(refusal or BAD_HANDSHAKE)
            return
        self._key = handshake.values(headers, b"sec-websocket-key")[0]
        # Nothing is read before the answer: frames that come early wait in the kernel.
        self._pause()
        if rest:
            self._reader.feed(rest)
        task = self._loop.create_task(self._run())
        self._server_state.tasks.add(task)
        task.add_done_callback(self._server_state.tasks.discard)

    def data_received(self, data: bytes) -> None:
        self._keepalive.heard = True
        if self._state == _ENDED:
            return
        self._reader.feed(data)
        self._read()

    def eof_received(self) -> None:
        # The transport closes itself; the outbox's stall timer bounds that.
        return None

    def pause_writing(self) -> None:
        self._outbox.pause()

    def resume_writing(self) -> None:
        self._outbox.resume()
        if not self._outbox.paused:
            self._wake_writers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_state.connections.discard(self)
        self._outbox.lost()
        self._end(1006, "")
        self._transport = None  # type: ignore[assignment]  # breaks the circle with the transport

    # Stopping, as the server tells it.

    def stop_reading(self) -> None:
        """Take no further frame: what the application has now is what it finishes."""
        self._draining = True
        self._stop_timers()
        self._pause()

    def shutdown(self) -> None:
        """End this socket: 1001 after what is queued, or 503 where the handshake is still open."""
        if self._state == _HANDSHAKE:
            self._refuse(GOING_AWAY)
        else:
            self._outbox.close(GOING_AWAY_CODE, GOING_AWAY_REASON)

    def abort(self) -> None:
        """Cut the connection."""
        self._outbox.abort()

    # ASGI.

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except asyncio.CancelledError:
            self.shutdown()
            raise
        except Exception as exc:
            log_failure("WebSocket application", exc)
            if self._state == _HANDSHAKE:
                self._refuse(SERVER_ERROR)
            self._outbox.close(1011)
        else:
            if self._state == _HANDSHAKE:
                logger.error("WebSocket application returned before it answered the handshake")
                self._refuse(SERVER_ERROR)
            self._outbox.close(1000)
        finally:
            self._scope = None

    async def receive(self) -> dict[str, Any]:
        """The next ASGI event. Once disconnected, that event again for each call."""
        if not self._connect_seen:
            self._connect_seen = True
            return {"type": "websocket.connect"}
        message = await self._inbox.get()
        if message is None:
            code, reason = self._inbox.disconnect or (1006, "")
            return {"type": "websocket.disconnect", "code": code, "reason": reason}
        if not self._inbox:
            self._refill()
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, event: dict[str, Any]) -> None:
        """An ASGI event from the application, in order with pushed frames. `ClientDisconnected`
        once closed.
        """
        kind = event["type"]
        if self._state == _HANDSHAKE:
            self._send_handshake(kind, event)
        elif kind == "websocket.send":
            text = event.get("text")
            opcode, payload = (
                (TEXT, text.encode()) if text is not None else (BINARY, event["bytes"])
            )
            if not self._outbox.put(opcode, payload):
                raise ClientDisconnected
            await self._drained()
        elif kind == "websocket.close":
            self._outbox.close(event.get("code", 1000), event.get("reason") or "")
        elif kind.startswith("websocket."):
            raise ClientDisconnected
        else:
            raise RuntimeError(f"unexpected ASGI event {kind!r}")

    def _send_handshake(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "websocket.accept":
            self._accept(event.get("subprotocol"), list(event.get("headers", ())))
        elif kind == "websocket.close":
            self._refuse(FORBIDDEN)
        elif kind == "websocket.http.response.start":
            self._answer = (event["status"], list(event.get("headers", ())), bytearray())
        elif kind == "websocket.http.response.body" and self._answer is not None:
            status, headers, body = self._answer
            body += event.get("body", b"")
            if not event.get("more_body", False):
                names = {name.lower() for name, _ in headers}
                defaults = [
                    header
                    for header in self._server_state.default_headers
                    if header[0] not in names
                ]
                self._hang_up(
                    response(status, [*defaults, (b"connection", b"close"), *headers], bytes(body))
                )
        else:
            raise RuntimeError(f"unexpected ASGI event {kind!r} in the handshake")

    def _accept(self, subprotocol: str | None, headers: list[Header]) -> None:
        if self._transport is None or self._transport.is_closing():
            raise ClientDisconnected
        everything = [*self._server_state.default_headers, *headers]
        self._transport.write(
            handshake.acceptance(key=self._key, subprotocol=subprotocol, headers=everything)
        )
        self._limit_kernel_buffer()
        self._forget_handshake()
        self._state = _OPEN
        self._outbox.open()
        self._keepalive.start()
        self._refill()

    def _forget_handshake(self) -> None:
        # The headers hold the bearer token and weigh kilobytes; nobody needs either for the hours
        # that follow.
        if self._scope is not None:
            self._scope["headers"].clear()
            self._scope["subprotocols"].clear()
        self._key = b""

    def _limit_kernel_buffer(self) -> None:
        size = self._limits.kernel_send_bytes
        sock = self._transport.get_extra_info("socket")
        if size and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def _refuse(self, refusal: Refusal) -> None:
        self._hang_up(refusal.answer(self._server_state.default_headers))

    def _hang_up(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)
        self._outbox.hang_up()
        self._end(1006, "")

    def _wake_writers(self) -> None:
        writers, self._writers = self._writers, None
        if writers is not None:
            writers.set_result(None)

    async def _drained(self) -> None:
        """Hold back who sends faster than the client reads; pushed frames are bounded instead."""
        if self._outbox.queued_bytes >= CHUNK_BYTES:
            self._outbox.flush()
        while self._outbox.paused and not self._outbox.closed:
            if self._writers is None:
                self._writers = self._loop.create_future()
            # Shielded: several may wait for this one future, and one of them be cancelled.
            await asyncio.shield(self._writers)

    # Frames from the client.

    def _read(self) -> None:
        reader, inbox, room = self._reader, self._inbox, self._limits.inbox_messages
        whole = False
        try:
            while len(inbox) < room:
                message = reader.next()
                if message is None:
                    if reader.partial:
                        self._watch_message(begins=whole or not self._message_began)
                    else:
                        self._message_began = 0.0
                    break
                whole = (
                    whole or message[0] < CLOSE
                )  # a ping between two fragments does not begin a new message
                self._take(*message)
                if self._state == _ENDED:
                    return
            else:
                self._pause()
        except FrameError as error:
            self._break(error.code, error.reason)
        if inbox:
            inbox.wake()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode in (TEXT, BINARY):
            if (
                self._inbox.disconnect is None
            ):  # else we are closing, and only the peer's close frame matters
                self._inbox.put(opcode, payload)
        elif opcode == PING:
            self._outbox.put(PONG, payload)
        elif opcode == CLOSE:
            code, reason = parse_close(payload)
            # First of all, so that `_closing` leaves in the inbox what came before the close frame.
            self._inbox.end(code, reason)
            self._outbox.close(code)
            self._outbox.hang_up()
            self._end(code, reason)

    def _break(self, code: int, reason: str) -> None:
        """Close because the client broke a rule; what it still sends is read, and thrown away."""
        self._outbox.close(code, reason)
        self._end(code, reason)
        self._outbox.end_writing()

    def _pause(self) -> None:
        if self._reading and self._transport is not None:
            self._reading = False
            self._keepalive.deaf = True
            self._transport.pause_reading()

    def _refill(self) -> None:
        """The inbox is empty: parse what is left, then read on."""
        if self._draining or self._state != _OPEN:
            return
        self._read()
        if len(self._inbox) < self._limits.inbox_messages:
            self._resume()

    def _resume(self) -> None:
        if not self._reading and self._transport is not None:
            self._reading = True
            self._keepalive.deaf = False
            if self._message_began:
                self._message_began = (
                    self._loop.time()
                )  # a message was not late while we did not read
            self._transport.resume_reading()

    # Ends.

    def _closing(self, code: int, reason: str) -> None:
        """The outbox has begun to close: the application's loop ends now, and we read on for the
        peer's answer.
        """
        if self._inbox.disconnect is None:
            self._inbox.clear()
            self._inbox.end(code, reason)
        self._stop_timers()
        self._wake_writers()
        if self._state == _OPEN:
            self._draining = False
            self._resume()
            self._loop.call_soon(self._refill)

    def _end(self, code: int, reason: str) -> None:
        """Nothing more is read from this socket."""
        self._state = _ENDED
        self._inbox.end(code, reason)
        self._reader.discard()
        self._stop_timers()
        self._wake_writers()
        self._resume()

    # Clocks.

    def _stop_timers(self) -> None:
        self._keepalive.stop()
        if self._message_timer is not None:
            self._message_timer.cancel()
            self._message_timer = None

    def _watch_message(self, *, begins: bool) -> None:
        if self._inbox.disconnect is not None:
            return
        if begins:
            self._message_began = self._loop.time()
        if self._message_timer is None:
            self._message_timer = self._loop.call_later(
                self._limits.message_seconds, self._check_message
            )

    def _check_message(self) -> None:
        self._message_timer = None
        if not self._message_began or not self._reading:
            return
        left = self._message_began + self._limits.message_seconds - self._loop.time()
        if left > 0.001:
            self._message_timer = self._loop.call_later(left, self._check_message)
        else:
            self._break(1008, "message not finished in time")
