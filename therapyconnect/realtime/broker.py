"""The interface of a broker: what differs between one wire and another. Engines: `engines`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Tell = Callable[[Sequence[bytes]], Awaitable[None]]


class Broker(Protocol):
    """Each of the two holds a connection of its own, and raises whatever breaks it."""

    most: int
    """Bytes that a parcel may have."""

    def telling(self) -> AbstractAsyncContextManager[Tell]:
        """A connection that tells some parcels at once, in their order."""
        ...

    def hearing(self) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A connection that listens from the moment at which it is handed over."""
        ...
