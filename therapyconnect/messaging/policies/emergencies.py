"""An alert's way, from raised to taken by a person, or visibly to nobody."""

from __future__ import annotations

from typing import Final

from therapyconnect.core.errors import Conflict
from therapyconnect.messaging.shapes import AlertState

WAITING: Final = frozenset({"raised", "delivered"})
"""Nobody has taken it yet, and there is still time."""


def attaches(state: AlertState | None) -> bool:
    """Whether a further emergency belongs to the chat's latest alert, or raises one of its own.

    Once a person took the last one, or it ended, a new call is new.
    """
    return state in WAITING


def check_acknowledge(state: AlertState) -> bool:
    """Whether it changes anything; an exhausted alert can still be taken, late."""
    if state == "resolved":
        raise Conflict("already_resolved", "This alert is resolved.")
    return state != "acknowledged"


def check_resolve(state: AlertState) -> bool:
    """Whether it changes anything. Who ends an alert that nobody took has taken it."""
    return state != "resolved"
