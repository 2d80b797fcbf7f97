"""What is measured: the cells of the table, in the order of one round."""

from __future__ import annotations

from dataclasses import dataclass

PAIRS = 50
MOST_PAIRS = 500

TITLES = {
    "ours": "TherapyConnect",
    "rows": "pgbench",
    "node": "Node, the same work",
    "lean": "Node, inserting only",
    "tutorial": "Django + Channels, tutorial",
    "tuned": "Django + Channels, tuned",
}


@dataclass(frozen=True)
class Cell:
    """`kind`: `closed` (`in_flight` each), `half` of it by the clock, `idle`, pgbench's script."""

    contender: str
    kind: str
    pairs: int = PAIRS
    in_flight: int = 0

    @property
    def name(self) -> str:
        if self.kind == "closed":
            return f"{self.contender}-{self.pairs}x{self.in_flight}"
        if self.kind == "half":
            return f"{self.contender}-half{self.in_flight}"
        return f"{self.contender}-{self.kind}"

    @property
    def label(self) -> str:
        told = {
            "closed": f"{self.pairs} x {self.in_flight}",
            "half": f"half of {self.pairs} x {self.in_flight}",
            "idle": f"{2 * self.pairs:,} idle sockets",
            "four": "four statements, 50 clients",
            "one": "one statement, 50 clients",
        }
        return f"{TITLES[self.contender]}: {told[self.kind]}"


def _of(contender: str, *sizes: tuple[int, int], halves: tuple[int, ...] = (1,)) -> list[Cell]:
    cells = [Cell(contender, "closed", pairs, depth) for pairs, depth in sizes if pairs == PAIRS]
    cells += [Cell(contender, "half", PAIRS, depth) for depth in halves]
    return cells + [Cell(contender, "closed", p, d) for p, d in sizes if p != PAIRS]


_FEW, _MANY = ((PAIRS, 1), (PAIRS, 8)), ((MOST_PAIRS, 1), (MOST_PAIRS, 8))
# With 500 pairs, a queue of ten to eighty seconds would stand before Channels: only those who can
# are measured there. pgbench has no sockets: more clients than 50 would only be more backends.
ROUND = [
    *_of("ours", *_FEW, *_MANY, halves=(1, 8)),
    Cell("rows", "four"),
    Cell("rows", "one"),
    *_of("node", *_FEW, *_MANY),
    *_of("lean", *_FEW, halves=()),
    *_of("tutorial", *_FEW),
    *_of("tuned", *_FEW, halves=()),
]
# Once, on servers that have just started.
IDLE = [Cell(name, "idle", MOST_PAIRS) for name in ("ours", "node", "tutorial")]
CELLS = {cell.name: cell for cell in (*IDLE, *ROUND)}


def whole(half: Cell) -> str:
    """The name of the closed cell, half of whose speed this one is sent at."""
    return Cell(half.contender, "closed", half.pairs, half.in_flight).name


def turned(cells: list[Cell], number: int) -> list[Cell]:
    """The cells of a round, another contender first in each; those of one stay together."""
    contenders = list(dict.fromkeys(cell.contender for cell in cells))
    if not contenders:
        return []
    first = number % len(contenders)
    order = contenders[first:] + contenders[:first]
    return [cell for name in order for cell in cells if cell.contender == name]
