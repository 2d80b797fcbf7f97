"""Serving: what `run` does by itself, and what each worker of a crew does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Final

import uvloop

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.crisis.refusals import beside_refusal
from therapyconnect.messaging.services.attaching import FORM_BYTES, MAX_BYTES, UPLOAD_PATH
from therapyconnect.serving import Server, make_server
from therapyconnect.serving.config import default_body_limit

# Most young objects are frames and rows, gone with their batch: look at them seldom.
GC_THRESHOLD: Final = (50_000, 20, 20)


def serve(
    *, on_ready: Callable[[int], None], fd: int | None = None, life: int | None = None
) -> None:
    """Serve until told to stop. `on_ready` is told the port once it answers.

    `fd`: a bound socket to take over. `life`: a descriptor that ends when the parent is gone; then
    this stops as if it had been told to.
    """
    from therapyconnect.config.asgi import application

    server = make_server(
        application,
        host=ENVIRONMENT.host,
        port=ENVIRONMENT.port,
        fd=fd,
        on_drain=application.drain,
        body_limit=body_limit,
        beside_refusal=beside_refusal,
        always=lambda path: path.startswith("/health/"),
        forwarded_allow_ips="127.0.0.1" if ENVIRONMENT.production else None,
    )
    uvloop.run(_serve(server, on_ready, life))


def body_limit(method: str, path: str) -> int:
    """Bytes of a body: a file and its form where files are uploaded, 2 MiB everywhere else."""
    if (method, path) == ("POST", UPLOAD_PATH):
        return MAX_BYTES + FORM_BYTES
    return default_body_limit(method, path)


async def _serve(server: Server, on_ready: Callable[[int], None], life: int | None) -> None:
    loop = asyncio.get_running_loop()
    if life is not None:
        loop.add_reader(life, _end, server, loop, life)
    greeting = asyncio.create_task(_greet(server, on_ready))
    try:
        await server.serve()
    finally:
        greeting.cancel()


def _end(server: Server, loop: asyncio.AbstractEventLoop, life: int) -> None:
    loop.remove_reader(life)
    server.stop()


async def _greet(server: Server, on_ready: Callable[[int], None]) -> None:
    while not server.started:
        await asyncio.sleep(0.02)
    # What is loaded now stays: a full collection need not walk all of Django each time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLD)
    on_ready(server.port)
