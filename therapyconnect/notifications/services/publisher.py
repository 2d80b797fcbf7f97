"""The way up to the sockets, which are above this room: given at start, else nowhere.

A lost push loses nothing: the rows are kept, and a client reads them when it opens its list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from therapyconnect.core.hub import Push

log = structlog.get_logger("therapyconnect.notifications")

Publisher = Callable[[Sequence[Push]], None]
"""Called in whichever thread committed; hands the pushes to the loop and never waits for it."""

_publisher: Publisher | None = None


def set_publisher(publisher: Publisher | None) -> None:
    """Send what is pushed from now on through `publisher`; None: nowhere."""
    global _publisher
    _publisher = publisher


def publish(pushes: Sequence[Push]) -> None:
    """Push what was committed. Never raises: the commit stands, whatever becomes of the push."""
    if _publisher is None or not pushes:
        return
    try:
        _publisher(pushes)
    except Exception as error:
        log.warning("notifications.push_failed", error=type(error).__name__, count=len(pushes))
