"""Rounds in; medians, growth and ratios out: a table to read, figures to keep, a plot."""

from __future__ import annotations

import json
import os
import platform
import statistics
from pathlib import Path
from typing import Any

from bench.reads import plot

RESULTS = Path(__file__).resolve().parents[1] / "results"
WAYS = ("selector_ms", "rest_ms", "socket_ms")
WANTED = 4.0
"""History page and chat list against the ORM with serializers, at least."""

Rounds = dict[int, list[dict[str, Any]]]


def figures(rounds: Rounds) -> dict[str, Any]:
    """Of each read, way and size the median over the rounds of the round's p50, with its range.

    And the least time of all: it holds nothing of what else the machine did, so growth is told
    by it.
    """
    first = next(iter(rounds.values()))[0]["reads"]
    reads: dict[str, Any] = {}
    for name, read in first.items():
        if "label" not in read:
            continue
        reads[name] = {"label": read["label"]}
        for way in WAYS:
            if way in read:
                reads[name][way] = {
                    str(size): _times([r["reads"][name][way] for r in done])
                    for size, done in rounds.items()
                }
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": {str(size): [r["load"] for r in done] for size, done in rounds.items()},
        "reads": reads,
        "oldest": {
            str(size): {
                key: _spread([r["reads"]["search-oldest"][key] for r in done])
                for key in ("seconds", "pages")
            }
            for size, done in rounds.items()
        },
        "orm": {
            name: {str(size): _orm(name, done) for size, done in rounds.items()}
            for name in first["twins"]
        },
    }


def _orm(name: str, done: list[dict[str, Any]]) -> dict[str, Any]:
    """Each ratio is taken within a round, so that the machine's drift falls out."""
    pairs = [(r["reads"]["twins"][name]["api"], r["reads"]["twins"][name]["twin"]) for r in done]
    return {
        "ours_ms": _spread([ours["p50"] for ours, _ in pairs]),
        "orm_ms": _spread([orm["p50"] for _, orm in pairs]),
        "ratio": _spread([orm["p50"] / ours["p50"] for ours, orm in pairs]),
        "wanted": WANTED,
    }


def _times(measured: list[dict[str, float]]) -> dict[str, float]:
    least = min(one["least"] for one in measured)
    return {**_spread([one["p50"] for one in measured]), "least": least}


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
    }


def table(told: dict[str, Any], sizes: list[int]) -> str:
    """Medians in ms and the least; last, what the growth of the data multiplies the least by."""
    lines = [
        f"\nms: median / least{'':26}" + "".join(f"{size:>18,}" for size in sizes) + "   growth"
    ]
    for read in told["reads"].values():
        for way in WAYS:
            if way in read:
                medians = [read[way][str(size)]["median"] for size in sizes]
                least = [read[way][str(size)]["least"] for size in sizes]
                cells = "".join(
                    f"{a:>10.2f} /{b:>6.2f}" for a, b in zip(medians, least, strict=True)
                )
                label = f"{read['label']}, {way.removesuffix('_ms')}"
                lines.append(f"{label:<44}{cells}{least[-1] / least[0]:>8.2f}x")
    lines.append("")
    for size, oldest in told["oldest"].items():
        lines.append(
            f"To a word of the oldest message alone, {int(size):,}:"
            f" {oldest['seconds']['median']:.2f} s, {oldest['pages']['median']:.0f} pages"
        )
    for name, by_size in told["orm"].items():
        for size, one in by_size.items():
            lines.append(
                f"{name}, {int(size):,}: {one['ours_ms']['median']:.2f} ms beside"
                f" {one['orm_ms']['median']:.2f} ms of the ORM: {one['ratio']['median']:.2f} x"
                f" ({one['ratio']['min']:.2f} to {one['ratio']['max']:.2f};"
                f" wanted {one['wanted']:.0f})"
            )
    return "\n".join(lines)


def write(folder: Path, told: dict[str, Any], sizes: list[int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reads.json").write_text(json.dumps(told, indent=1) + "\n")
    (folder / "reads.svg").write_text(plot.drawn(told["reads"], sizes))
