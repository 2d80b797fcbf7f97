"""Rounds in, medians and ratios out: a table to read and a file to compare with."""

from __future__ import annotations

import json
import platform
import statistics
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "latest.json"
_COLUMNS = (
    ("msg/s", "messages_per_second", "{:,.0f}"),
    ("ack p50", "ack_ms.p50", "{:.1f}"),
    ("p99 ms", "ack_ms.p99", "{:.1f}"),
    ("deliv p50", "delivery_ms.p50", "{:.1f}"),
    ("p99 ms", "delivery_ms.p99", "{:.1f}"),
    ("app µs", "app_us", "{:.0f}"),
    ("pg µs", "postgres_us", "{:.0f}"),
    ("gen µs", "generator_us", "{:.0f}"),
    ("RSS MB", "rss_megabytes", "{:.0f}"),
)
_RATIOS = (
    ("ours, 8 in flight / pgbench, four statements", "ours-8", "rows-four", 2.0),
    ("ours, 8 in flight / pgbench, one statement", "ours-8", "rows-one", 1.3),
    ("ours, 1 in flight / pgbench, four statements", "ours-1", "rows-four", None),
    ("ours, 1 in flight / pgbench, one statement", "ours-1", "rows-one", None),
    ("ours, 8 in flight / Django ORM, 8 in flight", "ours-8", "orm-8", None),
    ("ours, 1 in flight / Django ORM, 1 in flight", "ours-1", "orm-1", None),
)

Rounds = dict[str, list[dict[str, Any]]]


def summary(rounds: Rounds) -> dict[str, dict[str, Any]]:
    """Per contender and figure: the median of the rounds, the least and the greatest."""
    return {
        name: {
            key: {
                "median": statistics.median(values),
                "min": min(values),
                "max": max(values),
            }
            for key in sorted({key for one in measured for key in _numbers(one)})
            if (values := [_numbers(one)[key] for one in measured if key in _numbers(one)])
        }
        for name, measured in rounds.items()
        if measured
    }


def ratios(rounds: Rounds) -> list[dict[str, Any]]:
    """Each ratio is taken within a round, so that the machine's drift falls out."""
    found = []
    for label, above, below, wanted in _RATIOS:
        pairs = zip(rounds.get(above, []), rounds.get(below, []), strict=False)
        values = [a["messages_per_second"] / b["messages_per_second"] for a, b in pairs]
        if values:
            found.append(
                {
                    "ratio": label,
                    "median": statistics.median(values),
                    "min": min(values),
                    "max": max(values),
                    "wanted": wanted,
                }
            )
    return found


def problems(rounds: Rounds) -> list[str]:
    """What makes a figure worthless: a message that was lost, late for ever, or refused.

    The ORM's server pushes from many threads, so that its frames are not in order is no news.
    """
    told = []
    for name, measured in rounds.items():
        for one in measured:
            told += [f"{name}: {text}" for text in one.get("errors", [])]
            told += [
                f"{name}: {one[key]} {key}"
                for key in ("unacked", "undelivered", "gaps", "ended_sockets")
                if one.get(key) and not (key == "gaps" and name.startswith("orm"))
            ]
    return told


def table(rounds: Rounds, labels: dict[str, str]) -> str:
    figures = summary(rounds)
    width = max(len(labels[name]) for name in figures)
    head = " " * width + "".join(f"{title:>11}" for title, _, _ in _COLUMNS) + "   msg/s min-max"
    lines = [head]
    for name, one in figures.items():
        cells = "".join(
            f"{(form.format(one[key]['median']) if key in one else '-'):>11}"
            for _, key, form in _COLUMNS
        )
        speed = one["messages_per_second"]
        lines.append(f"{labels[name]:<{width}}{cells}   {speed['min']:,.0f}-{speed['max']:,.0f}")
    lines.append("")
    for one in ratios(rounds):
        wanted = f"   (wanted: {one['wanted']:.1f})" if one["wanted"] else ""
        lines.append(
            f"{one['median']:6.2f} x  {one['ratio']}   {one['min']:.2f}-{one['max']:.2f}{wanted}"
        )
    return "\n".join(lines)


def write(rounds: Rounds, options: dict[str, Any]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    whole = {
        "options": options,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "figures": summary(rounds),
        "ratios": ratios(rounds),
        "problems": problems(rounds),
    }
    RESULTS.write_text(json.dumps(whole, indent=1) + "\n")


def _numbers(one: dict[str, Any]) -> dict[str, float]:
    """Nested figures under dotted names."""
    flat: dict[str, float] = {}
    for key, value in one.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{k}": round(v, 3) for k, v in value.items() if v is not None})
        elif isinstance(value, int | float):
            flat[key] = round(value, 3)
    return flat
