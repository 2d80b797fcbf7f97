"""Parcels over PostgreSQL's own LISTEN and NOTIFY: nothing else to install.

They are sent after the commit that they tell of, in transactions without rows, which wait for no
fsync. NOTIFY takes one lock for the whole server when it commits, which is where many nodes want
Redis instead. Neither asks for a right beyond that to connect, so what comes may be anyone's, and
what goes may be heard by anyone: `SealedWire` belongs above.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from psycopg import AsyncConnection

from therapyconnect.realtime.broker import Tell

CHANNEL: Final = "therapyconnect"

Connect = Callable[[], Awaitable[AsyncConnection[Any]]]


class PostgresBroker:
    """`connect` opens a connection in autocommit mode to the installation's database."""

    most = 5_900
    """PostgreSQL refuses a payload of 8,000 bytes, and takes text only: so in base64."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[Tell]:
        connection = await self._connect()

        async def tell(parcels: Sequence[bytes]) -> None:
            # Of equal payloads in one transaction PostgreSQL delivers one: each has its number.
            await connection.execute(
                "SELECT pg_notify(%s, parcel) FROM unnest(%s::text[]) AS parcel",
                (CHANNEL, [b64encode(parcel).decode() for parcel in parcels]),
            )

        try:
            yield tell
        finally:
            await connection.close()

    @asynccontextmanager
    async def hearing(self) -> AsyncIterator[AsyncIterator[bytes]]:
        connection = await self._connect()
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            yield (_parcel_in(notify.payload) async for notify in connection.notifies())
        finally:
            await connection.close()


def _parcel_in(payload: str) -> bytes:
    """Nothing where it is no base64: none of ours, and no reason to end the listening."""
    try:
        return b64decode(payload, validate=True)
    except ValueError:
        return b""
