"""How long to wait before trying again: never all at the same moment."""

from __future__ import annotations

from random import Random

BASE_SECONDS = 0.5
CAP_SECONDS = 30.0


def pause(attempt: int, dice: Random, *, retry_after: float | None = None) -> float:
    """Seconds before the try after `attempt` failures: full jitter, from 0 to a growing bound.

    What the server asked for is waited out first, and the jitter comes on top.
    """
    bound = min(CAP_SECONDS, BASE_SECONDS * 2 ** min(attempt, 16))
    return max(0.0, retry_after or 0.0) + dice.uniform(0, bound)
