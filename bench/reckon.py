"""The reckoning, apart from all that measures: percentiles, the clock of an open load, medians of
rounds, ratios. Rounds in, figures out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
"""What one measurement of one cell found."""
Rounds = list[dict[str, Figures]]
"""Per round: each cell's figures."""


@dataclass(frozen=True)
class Clock:
    """When each message of an open load is due, however late the ones before it were answered."""

    begun: float
    rate: float

    def due(self, number: int) -> float:
        return self.begun + number / self.rate


def percentiles(seconds: Iterable[float]) -> dict[str, float]:
    """Milliseconds: the least value that so many of a hundred do not exceed (nearest rank)."""
    ordered = sorted(seconds)
    if not ordered:
        return {"p50": 0.0, "p99": 0.0}
    return {f"p{rank}": ordered[-(-len(ordered) * rank // 100) - 1] * 1000 for rank in (50, 99)}


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(rounds: Rounds) -> dict[str, dict[str, dict[str, float]]]:
    """Per cell and figure: the median of the rounds, the least and the greatest."""
    cells = list(dict.fromkeys(cell for one in rounds for cell in one))
    found = {}
    for cell in cells:
        measured = [flat(one[cell]) for one in rounds if cell in one]
        keys = sorted({key for one in measured for key in one})
        found[cell] = {k: spread([one[k] for one in measured if k in one]) for k in keys}
    return found


def ratio(rounds: Rounds, above: str, below: Sequence[str]) -> dict[str, float] | None:
    """The speed of `above` over the best of `below`, taken within each round.

    So the machine's drift between rounds falls out. None where no round has both.
    """
    speed = "messages_per_second"
    values = []
    for one in rounds:
        best = max((one[cell][speed] for cell in below if cell in one), default=0.0)
        if above in one and best > 0:
            values.append(one[above][speed] / best)
    return spread(values) if values else None


def half_of(one_round: dict[str, Figures], cell: str) -> float | None:
    """The rate of an open load: half of what was seen of `cell` in this round, a second."""
    return one_round[cell]["messages_per_second"] / 2 if cell in one_round else None


def flat(figures: Figures) -> dict[str, float]:
    """Nested figures under dotted names, without what is no number."""
    found: dict[str, float] = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            found.update({f"{key}.{k}": round(v, 3) for k, v in value.items() if v is not None})
        elif isinstance(value, int | float):
            found[key] = round(value, 3)
    return found
