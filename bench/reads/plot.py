"""A plot of small panels, one for each read: what it costs at each size, on one scale.

A flat line is the aim. The ground is transparent and the colours keep their contrast on a light
page and on a dark one.
"""

from __future__ import annotations

import math
from typing import Any
from xml.sax.saxutils import escape

COLUMNS = 4
WIDTH, HEIGHT = 236, 168
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 40, 26
HEAD = 54
LEAST, MOST = 0.1, 1000.0  # ms: the scale of every panel
_TITLE = "What a read costs as the messages grow: least of all runs, ms"
_STYLES = {
    "selector_ms": ("#1a7f5a", "selector alone"),
    "rest_ms": ("#2f6fd0", "over REST"),
    "socket_ms": ("#b8560f", "over the socket"),
}
_CSS = """
text{font:11px system-ui,sans-serif;fill:#333}
.t{font-weight:600;font-size:12px}.h{font-weight:600;font-size:15px}.s{fill:#666}
.g{stroke:#8888;stroke-width:.5}
.selector_ms{stroke:#1a7f5a;fill:#1a7f5a}.rest_ms{stroke:#2f6fd0;fill:#2f6fd0}
.socket_ms{stroke:#b8560f;fill:#b8560f}
polyline{fill:none!important;stroke-width:2}text.v{stroke:none;font-size:10px}
@media(prefers-color-scheme:dark){text{fill:#ddd}.s{fill:#aaa}
.selector_ms{stroke:#4cc38a;fill:#4cc38a}.rest_ms{stroke:#7aa9f7;fill:#7aa9f7}
.socket_ms{stroke:#f0a35e;fill:#f0a35e}}
"""


def drawn(reads: dict[str, Any], sizes: list[int]) -> str:
    """The SVG of all reads, at these sizes."""
    lines = math.ceil(len(reads) / COLUMNS)
    width, height = COLUMNS * WIDTH, HEAD + lines * HEIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="Cost of each read at {len(sizes)} sizes">',
        f"<style>{_CSS}</style>",
        f'<text class="h" x="10" y="20">{_TITLE}</text>',
        *_legend(),
    ]
    for number, read in enumerate(reads.values()):
        x, y = number % COLUMNS * WIDTH, HEAD + number // COLUMNS * HEIGHT
        parts.append(f'<g transform="translate({x} {y})">{_panel(read, sizes)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _legend() -> list[str]:
    parts, x = [], 10
    for name, (_, label) in _STYLES.items():
        parts.append(f'<circle class="{name}" cx="{x + 4}" cy="38" r="4"/>')
        parts.append(f'<text x="{x + 13}" y="42">{label}</text>')
        x += 22 + 7 * len(label)
    return parts


def _panel(read: dict[str, Any], sizes: list[int]) -> str:
    parts = [f'<text class="t" x="10" y="22">{escape(read["label"])}</text>']
    for value in (0.1, 1.0, 10.0, 100.0, 1000.0):
        y = _y(value)
        parts.append(f'<path class="g" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(
            f'<text class="s" x="{LEFT - 5}" y="{y + 3.5:.1f}" text-anchor="end">{value:g}</text>'
        )
    for at, size in enumerate(sizes):
        anchor = ("start", "middle", "end")[0 if at == 0 else 2 if at == len(sizes) - 1 else 1]
        parts.append(
            f'<text class="s" x="{_x(at, sizes):.1f}" y="{HEIGHT - 10}"'
            f' text-anchor="{anchor}">{_short(size)}</text>'
        )
    lines = {
        name: [read[name][str(size)]["least"] for size in sizes] for name in _STYLES if name in read
    }
    for name, least in lines.items():
        points = [(_x(at, sizes), _y(value)) for at, value in enumerate(least)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="{name}" points="{joined}"/>')
        parts += [f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in points]
    for at, anchor in ((0, "start"), (len(sizes) - 1, "end")):
        parts += _values({name: least[at] for name, least in lines.items()}, _x(at, sizes), anchor)
    return "".join(parts)


def _values(values: dict[str, float], x: float, anchor: str) -> list[str]:
    """The values at one end: the least below its point, others above theirs, none on another."""
    parts, floor = [], math.inf
    for number, (name, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        y = _y(value) + 12 if number == 0 and len(values) > 1 else _y(value) - 6
        y = min(y, floor - 10)
        floor = y
        parts.append(
            f'<text class="v {name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{value:.3g}</text>"
        )
    return parts


def _x(at: int, sizes: list[int]) -> float:
    return LEFT + 6 + at * (WIDTH - LEFT - RIGHT - 12) / max(1, len(sizes) - 1)


def _y(value: float) -> float:
    share = math.log(min(max(value, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _short(size: int) -> str:
    if size >= 1_000_000:
        return f"{size / 1e6:g} M"
    return f"{size / 1e3:g} k"
