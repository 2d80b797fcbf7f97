"""Parcels over a channel of Redis or Valkey.

Published one pipeline a turn, in order, over one connection. The broker keeps nothing: who does not
listen misses it, and a listener that can't follow is cut off by it and reads what it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from therapyconnect.realtime.broker import Tell

CONNECT_SECONDS: Final = 3.0
TELL_SECONDS: Final = 5.0
CLOSE_SECONDS: Final = 1.0


class RedisBroker:
    """`url` is `redis://`, `rediss://` (with TLS) or `unix://`, as redis-py reads it."""

    most = 60_000

    def __init__(self, url: str, *, channel: str) -> None:
        self._url = url
        self._channel = channel

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[Tell]:
        async with self._client() as client:
            await client.ping()

            async def tell(parcels: Sequence[bytes]) -> None:
                pipeline = client.pipeline(transaction=False)
                for parcel in parcels:
                    pipeline.publish(self._channel, parcel)
                await pipeline.execute()

            yield tell

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._client() as client:
            pubsub = client.pubsub()
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await pubsub.subscribe(self._channel)
                    while await pubsub.get_message(timeout=CONNECT_SECONDS) is None:
                        pass  # until the broker has confirmed it
                yield _payloads(pubsub)
            finally:
                await _close(pubsub)

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Redis]:
        # No retries of its own: it would tell late what is newer by then, out of sight.
        client = Redis.from_url(
            self._url,
            single_connection_client=True,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=TELL_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            yield client
        finally:
            await _close(client)


async def _payloads(pubsub: Any) -> AsyncIterator[bytes]:
    async for message in pubsub.listen():
        if message["type"] == "message":
            yield message["data"]


async def _close(what: Any) -> None:
    """A broker that is frozen must not hold whoever goes away from it."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await what.aclose()
