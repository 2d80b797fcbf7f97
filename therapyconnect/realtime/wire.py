"""The interface of what carries parcels between the processes of one installation.

`BrokerWire` carries them over a broker (`engines`), `SealedWire` seals what another wire carries. A
wire is best effort on purpose: it may lose, repeat or delay parcels, and go deaf without a word.
Whoever uses it finds that out by its own beat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

Take = Callable[[bytes], None]


class Wire(Protocol):
    """On the loop only."""

    most: int
    """Bytes that a parcel may have."""

    def start(self, take: Take, *, listening: Callable[[], None]) -> None:
        """Begin to carry; `take` hears every parcel, one's own too.

        `listening` is called each time that it begins to listen: what was told before is lost.
        """
        ...

    def send(self, parcels: Sequence[bytes]) -> None:
        """Hand over; never blocks, and drops the oldest where the broker can't follow."""
        ...

    def reconnect(self) -> None:
        """Nothing was heard for too long: listen anew."""
        ...

    async def stop(self) -> None:
        """Send what is left, for a bounded time, and end."""
        ...
