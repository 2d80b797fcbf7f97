"""Which engine serves the hub: chosen here, once."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.config.wiring import key_ring
from therapyconnect.messaging.services.engine import Engine, conninfo
from therapyconnect.realtime.broker import Broker
from therapyconnect.realtime.carrier import BrokerWire
from therapyconnect.realtime.engines.postgres import PostgresBroker
from therapyconnect.realtime.engines.redis import RedisBroker
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.linked import LinkedHub
from therapyconnect.realtime.sealed import SealedWire, channel_of
from therapyconnect.realtime.streams import ReadEvents
from therapyconnect.realtime.wire import Wire
from therapyconnect.vault.keyring import KeyRing


def make_hub(engine: Engine, read: ReadEvents) -> MemoryHub:
    """For one process alone, or one among several."""
    if ENVIRONMENT.hub == "memory":
        return MemoryHub(read)
    return LinkedHub(read, read_row=engine.read, wire=_wire())


def _wire() -> Wire:
    ring = key_ring()
    return SealedWire(BrokerWire(_broker(ring)), ring)


def _broker(ring: KeyRing) -> Broker:
    if ENVIRONMENT.hub == "postgres":
        return PostgresBroker(_connect)
    return RedisBroker(ENVIRONMENT.hub, channel=channel_of(ring))


async def _connect() -> AsyncConnection[Any]:
    return await AsyncConnection.connect(
        **conninfo(), autocommit=True, application_name="therapyconnect hub"
    )
