"""Rounds in, a table to read out, and a file to compare with."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

from bench.cells import CELLS
from bench.reckon import Rounds, summary
from bench.targets import ratios, verdicts

_COLUMNS = (
    ("msg/s", "messages_per_second", "{:,.0f}"),
    ("ack p50", "ack_ms.p50", "{:,.1f}"),
    ("p99 ms", "ack_ms.p99", "{:,.1f}"),
    ("deliv p50", "delivery_ms.p50", "{:,.1f}"),
    ("p99 ms", "delivery_ms.p99", "{:,.1f}"),
    ("app µs", "app_us", "{:,.0f}"),
    ("pg µs", "postgres_us", "{:,.0f}"),
    ("gen µs", "generator_us", "{:,.0f}"),
    ("RSS MB", "rss_megabytes", "{:.0f}"),
)
# A message that was lost, late for ever, out of order or refused makes a figure worthless.
_FAULTS = ("unacked", "undelivered", "gaps", "ended_sockets")


def problems(rounds: Rounds) -> list[str]:
    told = []
    for one in rounds:
        for cell, figures in one.items():
            told += [f"{cell}: {text}" for text in figures.get("errors", [])]
            told += [f"{cell}: {figures[key]} {key}" for key in _FAULTS if figures.get(key)]
            if figures.get("messages_per_second") == 0:
                told.append(f"{cell}: nothing was answered in the measured time")
    return told


def table(rounds: Rounds) -> str:
    """One line for each cell, then the ratios, then the targets."""
    figures = summary(rounds)
    width = max(len(CELLS[name].label) for name in figures)
    lines = [" " * width + "".join(f"{title:>10}" for title, _, _ in _COLUMNS) + "   msg/s min-max"]
    for name in sorted(figures, key=list(CELLS).index):
        one, label = figures[name], f"{CELLS[name].label:<{width}}"
        if "messages_per_second" not in one:
            lines.append(f"{label}  {one['kilobytes_per_socket']['median']:.1f} kB a socket")
            continue
        cells = "".join(
            f"{(form.format(one[key]['median']) if key in one else '-'):>10}"
            for _, key, form in _COLUMNS
        )
        speed = one["messages_per_second"]
        lines.append(f"{label}{cells}   {speed['min']:,.0f}-{speed['max']:,.0f}")
    lines += ["", "TherapyConnect against the targets, 50 pairs, medians (min to max):"]
    for verdict in verdicts(rounds):
        state = {True: "met", False: "MISSED", None: "not measured"}[verdict.met]
        sign = ">=" if verdict.at_least else "<="
        wanted = f"{sign} {verdict.wanted:,g} {verdict.unit}"
        lines.append(
            f"  {verdict.target:<40}{wanted:>16}   {_found(verdict.found):<32}{state}".rstrip()
        )
    lines += ["", "Without a target:"]
    lines += [f"  {label:<40}{'x':>16}   {_found(found)}" for label, found in ratios(rounds)]
    return "\n".join(lines)


def _found(found: dict[str, float] | None) -> str:
    if found is None:
        return "-"
    return "{median:,.2f} ({min:,.2f} to {max:,.2f})".format(**found)


def write(
    rounds: Rounds, options: dict[str, Any], versions: dict[str, str], target: Path
) -> dict[str, Any]:
    """Keep what was found as JSON at `target`; returns what was written."""
    whole = {
        "options": options,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": versions,
        "figures": summary(rounds),
        "targets": [
            {
                "target": one.target,
                "wanted": one.wanted,
                "unit": one.unit,
                "at_least": one.at_least,
                "found": one.found,
                "met": one.met,
            }
            for one in verdicts(rounds)
        ],
        "ratios": [{"ratio": label, **found} for label, found in ratios(rounds)],
        "problems": problems(rounds),
    }
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(whole, indent=1) + "\n")
    return whole
