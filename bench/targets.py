"""What the design wants, beside what was measured: met or missed, each in one row."""

from __future__ import annotations

from dataclasses import dataclass

from bench.cells import PAIRS
from bench.reckon import Rounds, ratio, summary

_PEERS = ("node", "tutorial", "tuned")


@dataclass(frozen=True)
class Verdict:
    """`met` is judged by the median; None where this run has not measured it."""

    target: str
    wanted: float
    unit: str
    at_least: bool
    found: dict[str, float] | None

    @property
    def met(self) -> bool | None:
        if self.found is None:
            return None
        median = self.found["median"]
        return median >= self.wanted if self.at_least else median <= self.wanted


def verdicts(rounds: Rounds) -> list[Verdict]:
    one, eight = f"ours-{PAIRS}x1", f"ours-{PAIRS}x8"
    figures = summary(rounds)

    def peers(depth: int) -> list[str]:
        return [f"{peer}-{PAIRS}x{depth}" for peer in _PEERS]

    def figure(cell: str, key: str) -> dict[str, float] | None:
        return figures.get(cell, {}).get(key)

    def times(target: str, wanted: float, above: str, below: list[str]) -> Verdict:
        return Verdict(target, wanted, "x", True, ratio(rounds, above, below))

    return [
        times("8 in flight / pgbench, four statements", 2.0, eight, ["rows-four"]),
        times("8 in flight / pgbench, one statement", 1.3, eight, ["rows-one"]),
        times("1 in flight / the best peer", 3.5, one, peers(1)),
        times("8 in flight / the best peer", 7.0, eight, peers(8)),
        times("1 in flight / tutorial", 40.0, one, [f"tutorial-{PAIRS}x1"]),
        times("8 in flight / tutorial", 40.0, eight, [f"tutorial-{PAIRS}x8"]),
        Verdict("1 in flight", 4500.0, "msg/s", True, figure(one, "messages_per_second")),
        Verdict("8 in flight", 8000.0, "msg/s", True, figure(eight, "messages_per_second")),
        *(
            Verdict(
                f"ack {rank}, half of {depth} in flight",
                wanted,
                "ms",
                False,
                figure(f"ours-half{depth}", f"ack_ms.{rank}"),
            )
            for depth in (1, 8)
            for rank, wanted in (("p50", 3.0), ("p99", 12.0))
        ),
        Verdict("an idle socket", 20.0, "kB", False, figure("ours-idle", "kilobytes_per_socket")),
    ]


def ratios(rounds: Rounds) -> list[tuple[str, dict[str, float]]]:
    """Other ratios worth reading, for which nothing is wanted."""
    pairs = [
        ("1 in flight / pgbench, four statements", f"ours-{PAIRS}x1", "rows-four"),
        ("1 in flight / pgbench, one statement", f"ours-{PAIRS}x1", "rows-one"),
        ("1 in flight / Channels, tuned", f"ours-{PAIRS}x1", f"tuned-{PAIRS}x1"),
        ("8 in flight / Channels, tuned", f"ours-{PAIRS}x8", f"tuned-{PAIRS}x8"),
        ("1 in flight / Node, inserting only", f"ours-{PAIRS}x1", f"lean-{PAIRS}x1"),
        ("8 in flight / Node, inserting only", f"ours-{PAIRS}x8", f"lean-{PAIRS}x8"),
        ("500 pairs, 1 in flight / Node", "ours-500x1", "node-500x1"),
        ("500 pairs, 8 in flight / Node", "ours-500x8", "node-500x8"),
    ]
    return [
        (label, found) for label, above, below in pairs if (found := ratio(rounds, above, [below]))
    ]
