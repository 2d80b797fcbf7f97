"""How far each alert has been told: a state that comes late is not told after a later one.

A person's acknowledgement commits on a thread of its own, a delivery in a lane: their pushes may
reach the loop the other way round. An alert's state only goes forward.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from therapyconnect.messaging.shapes import AlertState, EmergencyAlert

_RANK: Final[dict[AlertState, int]] = {
    "raised": 0,
    "delivered": 1,
    "exhausted": 2,
    "acknowledged": 3,  # also of an exhausted one, late
    "resolved": 4,
}
REMEMBERED: Final = 10_000


class AlertBoard:
    """Of the alerts told of lately, the furthest state."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, int] = OrderedDict()

    def advances(self, alert: EmergencyAlert) -> bool:
        """Whether this is news; then it is noted as told."""
        rank = _RANK[alert.state]
        if rank <= self._told.get(alert.id, -1):
            return False
        self._told[alert.id] = rank
        self._told.move_to_end(alert.id)
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return True
