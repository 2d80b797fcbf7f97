"""Which engine serves the hub: chosen here, once."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.messaging.services.engine import Engine, conninfo
from therapyconnect.realtime.engines.postgres import PostgresWire
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.linked import LinkedHub
from therapyconnect.realtime.streams import ReadEvents


def make_hub(engine: Engine, read: ReadEvents) -> MemoryHub:
    """For one process alone, or one among several."""
    if ENVIRONMENT.hub == "postgres":
        return LinkedHub(read, read_row=engine.read, wire=PostgresWire(_connect))
    return MemoryHub(read)


async def _connect() -> AsyncConnection[Any]:
    return await AsyncConnection.connect(
        **conninfo(), autocommit=True, application_name="therapyconnect hub"
    )
