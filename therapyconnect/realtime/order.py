"""Which parcels are new: each node numbers its own, and they come in that order or not at all.

A broker, or whoever listened to it, may tell a parcel again. Heard twice, an old receipt would set
a horizon back, and an old farewell take people away that are there.
"""

from __future__ import annotations

from typing import Final

from therapyconnect.realtime.parcels import Parcel

BEFORE_SECONDS: Final = 60.0
"""Clocks of two nodes may be so far apart."""


class Order:
    """`began` is when this process did: what was told well before it is none of its affair.

    That closes the one gap that numbers leave: of a node that went before, none are known.
    """

    def __init__(self, began: float) -> None:
        self._oldest = began - BEFORE_SECONDS
        self._last: dict[str, int] = {}
        """Of every node that was ever heard; a restart adds one."""

    def accepts(self, parcel: Parcel) -> bool:
        """Whether it is newer than all that was accepted of its node."""
        if parcel.number == 0:
            return parcel.node not in self._last  # of a version that does not count yet
        if parcel.at < self._oldest or parcel.number <= self._last.get(parcel.node, 0):
            return False
        self._last[parcel.node] = parcel.number
        return True
