"""The server: uvicorn's, with a stop that keeps what was promised."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn

from therapyconnect.serving.beside import BesideRefusal, nothing_beside
from therapyconnect.serving.config import (
    Always,
    BodyLimit,
    ServingConfig,
    default_body_limit,
    never,
)
from therapyconnect.serving.failures import log_failure
from therapyconnect.serving.http import HttpProtocol
from therapyconnect.serving.limits import Limits
from therapyconnect.serving.websocket import WebSocketProtocol

logger = logging.getLogger("therapyconnect.serving")

OnDrain = Callable[[], Awaitable[None]]

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def raise_file_limit() -> None:
    """Let this process have as many sockets open as it may.

    Many shells and supervisors begin with 1,024 and allow far more; the thousandth client would
    find a server that accepts nobody.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def nothing_to_drain() -> None:
    """For an application that keeps nothing in flight."""


class Server(uvicorn.Server):
    """Serves until SIGTERM, SIGINT, SIGHUP or `stop()`, then ends in order and exits with 0.

    Listening ends at once and no socket is read any more; `on_drain` finishes what is in flight, on
    sockets still open; then every socket gets 1001, and what is left of it or of HTTP is cut off. A
    second SIGINT cuts at once.
    """

    config: ServingConfig

    def __init__(self, config: ServingConfig, *, on_drain: OnDrain = nothing_to_drain) -> None:
        super().__init__(config)
        self.on_drain = on_drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._force: asyncio.Event | None = None

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for. `RuntimeError` before the start."""
        if not self.started:
            raise RuntimeError("the server has not started")
        return int(self.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Begin to stop; from any thread."""
        self.should_exit = True
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped. Returns rather than raising the signal again, so that a clean stop
        exits with 0.
        """
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        if self.should_exit:
            self._stop.set()
        with self._handled_signals(self._loop):
            await self._serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        raise_file_limit()
        if sockets is None and self.config.fd is not None:
            # uvicorn takes any descriptor for a Unix socket; this asks the kernel what it is.
            sockets = [socket.socket(fileno=self.config.fd)]
        await super().startup(sockets)
        if self.started:
            await self._listen_wider()

    async def _listen_wider(self) -> None:
        """Take several connections in a turn of the loop.

        libuv takes one from each listening socket: where a turn is long, since thousands come at
        once, most would wait in the kernel until it forgets them, and never be told anything.
        """
        loop = asyncio.get_running_loop()

        def create_protocol() -> HttpProtocol:
            return HttpProtocol(
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        for listening in [sock for server in self.servers for sock in server.sockets]:
            for _ in range(self.config.limits.accepted_at_once - 1):
                same = socket.socket(fileno=os.dup(listening.fileno()))
                self.servers.append(
                    await loop.create_server(
                        create_protocol, sock=same, backlog=self.config.backlog
                    )
                )

    async def main_loop(self) -> None:
        assert self._stop is not None
        while not self.should_exit:
            # `on_tick` renews the date header.
            await self.on_tick(0)
            try:
                await asyncio.wait_for(self._stop.wait(), 1.0 - time.time() % 1.0)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        assert self._force is not None
        logger.info("stopping")
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        orderly = asyncio.ensure_future(self._end_in_order())
        forced = asyncio.ensure_future(self._force.wait())
        await asyncio.wait({orderly, forced}, return_when=asyncio.FIRST_COMPLETED)
        for step in (orderly, forced):
            step.cancel()
        await asyncio.gather(orderly, forced, return_exceptions=True)
        await self._cut_off()
        if not self._force.is_set():
            await self._bounded(
                "application shutdown",
                self.lifespan.shutdown(),
                self.config.limits.lifespan_seconds,
            )
        logger.info("stopped")

    async def _end_in_order(self) -> None:
        limits = self.config.limits
        for connection in list(self.server_state.connections):
            if isinstance(connection, WebSocketProtocol):
                connection.stop_reading()
            else:
                connection.shutdown()
        await self._bounded("drain", self.on_drain(), limits.drain_seconds)
        deadline = time.monotonic() + limits.finish_seconds
        while time.monotonic() < deadline:
            # Again and again: a request that began before the end may have become a socket since.
            for connection in list(self.server_state.connections):
                connection.shutdown()
            if not self.server_state.connections and not self.server_state.tasks:
                return
            await asyncio.sleep(0.02)

    async def _cut_off(self) -> None:
        """End what did not end by itself."""
        connections, tasks = list(self.server_state.connections), list(self.server_state.tasks)
        if connections or tasks:
            logger.warning("cutting off %d connections and %d tasks", len(connections), len(tasks))
        for connection in connections:
            if isinstance(connection, HttpProtocol):
                connection.cut_off()
            elif isinstance(connection, WebSocketProtocol):
                connection.abort()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self.config.limits.cancel_seconds)

    async def _bounded(self, what: str, step: Awaitable[Any], seconds: float) -> None:
        try:
            await asyncio.wait_for(step, seconds)
        except TimeoutError:
            logger.error("%s was not done after %g s", what, seconds)
        except Exception as exc:
            log_failure(what, exc)

    @contextmanager
    def _handled_signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # Who ignores SIGHUP (`nohup`) means to outlive the terminal.
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        wanted = [number for number in STOP_SIGNALS if not (ignored and number == signal.SIGHUP)]
        before = {number: signal.getsignal(number) or signal.SIG_DFL for number in wanted}
        for number in wanted:
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in wanted:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])

    def _on_signal(self, number: int) -> None:
        assert self._stop is not None
        assert self._force is not None
        if self.should_exit and number == signal.SIGINT:
            self.force_exit = True
            self._force.set()
        self.should_exit = True
        self._stop.set()


def make_server(
    app: Any,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    fd: int | None = None,
    on_drain: OnDrain = nothing_to_drain,
    body_limit: BodyLimit = default_body_limit,
    beside_refusal: BesideRefusal = nothing_beside,
    always: Always = never,
    limits: Limits | None = None,
    forwarded_allow_ips: str | None = None,
    log_level: str | int | None = None,
    log_config: dict[str, Any] | None = None,
) -> Server:
    """A server for an ASGI application, with lifespan.

    `fd`: a bound socket to take over instead of host and port. `beside_refusal`: what the refusal
    of a request says besides its error. `always`: the paths that are answered however much is under
    way. `forwarded_allow_ips`: the proxies whose `X-Forwarded-*`
    is believed; none by default. Logging is the caller's unless `log_config`
    is given.
    """
    limits = limits or Limits()
    config = ServingConfig(
        app,
        limits=limits,
        body_limit=body_limit,
        beside_refusal=beside_refusal,
        always=always,
        host=host,
        port=port,
        fd=fd,
        loop="uvloop",
        http=HttpProtocol,
        ws=WebSocketProtocol,
        interface="asgi3",
        lifespan="on",
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=forwarded_allow_ips is not None,
        forwarded_allow_ips=forwarded_allow_ips,
        ws_max_size=limits.message_bytes,
        ws_per_message_deflate=False,
        backlog=2048,
        timeout_keep_alive=limits.keep_alive_seconds,
        log_level=log_level,
        log_config=log_config,
    )
    return Server(config, on_drain=on_drain)
