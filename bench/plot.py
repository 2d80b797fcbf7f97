"""The results as one picture: SVG by hand, legible on a light page and on a dark one.

Speeds are bars from zero, so that lengths compare. Latency and CPU span a thousandfold: they are
dots on a logarithmic scale.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape

from bench.cells import CELLS, PAIRS, Cell

Summary = dict[str, dict[str, dict[str, float]]]

_WIDTH, _LEFT, _RIGHT, _LINE = 860, 330, 130, 22
_PLACE = _WIDTH - _LEFT - _RIGHT
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.faint { fill: #57606a; font-size: 12px }
.page { fill: #ffffff }
.grid { stroke: #d8dee4 }
.range { stroke: #24292f; stroke-width: 1.5 }
.ours { fill: #0969da } .rows { fill: #8c959f } .node { fill: #1a7f37 }
.tutorial { fill: #bc4c00 } .tuned { fill: #9a6700 }
.span { stroke-width: 3; stroke: #8c959f }
.hollow { fill: #ffffff; stroke: #24292f; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .faint { fill: #9198a1 }
  .page { fill: #0d1117 } .grid { stroke: #30363d } .range { stroke: #e6edf3 }
  .ours { fill: #58a6ff } .rows { fill: #8b949e } .node { fill: #3fb950 }
  .tutorial { fill: #f0883e } .tuned { fill: #d29922 }
  .hollow { fill: #0d1117; stroke: #e6edf3 }
}
"""


@dataclass
class Picture:
    """Elements from the top down; `y` is where the next one goes."""

    y: float = 16.0
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, said: str, kind: str = "", anchor: str = "start") -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{self.y:.1f}" class="{kind}" text-anchor="{anchor}">'
            f"{escape(said)}</text>"
        )

    def line(self, x1: float, x2: float, y: float, kind: str) -> None:
        self.parts.append(
            f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="{kind}"/>'
        )

    def upright(self, x: float, height: float) -> None:
        self.parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{self.y:.1f}" y2="{self.y + height:.1f}"'
            ' class="grid"/>'
        )

    def dot(self, x: float, kind: str) -> None:
        self.parts.append(f'<circle cx="{x:.1f}" cy="{self.y - 4:.1f}" r="5" class="{kind}"/>')

    def whole(self) -> str:
        height = self.y + 8
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}"'
            f' width="{_WIDTH}" height="{height:.0f}" role="img"'
            ' aria-label="Speed, latency and CPU of each contender">\n'
            f"<style>{_STYLE}</style>\n"
            f'<rect class="page" width="{_WIDTH}" height="{height:.0f}"/>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


def draw(figures: Summary) -> str:
    """The picture of a run's `summary`; what was not measured is not drawn."""
    picture = Picture()
    _bars(picture, "Messages per second", "bar: median of the rounds; line: least to greatest",
          figures, lambda cell: cell.kind != "half")  # fmt: skip
    _dots(picture, "Ack at half of its own speed, ms", "hollow: p50, solid: p99; logarithmic",
          figures, ("ack_ms.p50", "ack_ms.p99"), lambda cell: cell.kind == "half")  # fmt: skip
    _dots(picture, "CPU per message, µs", "hollow: PostgreSQL, solid: application; logarithmic",
          figures, ("postgres_us", "app_us"),
          lambda cell: cell.kind == "closed" and cell.pairs == PAIRS)  # fmt: skip
    return picture.whole()


def _cells(figures: Summary, key: str, wanted: Callable[[Cell], bool]) -> list[Cell]:
    return [cell for name, cell in CELLS.items() if key in figures.get(name, {}) and wanted(cell)]


def _head(picture: Picture, title: str, hint: str) -> None:
    picture.y += 14
    picture.text(16, title, "title")
    picture.text(_WIDTH - 16, hint, "faint", "end")
    picture.y += 12


def _bars(
    picture: Picture, title: str, hint: str, figures: Summary, wanted: Callable[[Cell], bool]
) -> None:
    key = "messages_per_second"
    cells = _cells(figures, key, wanted)
    if not cells:
        return
    _head(picture, title, hint)
    scale = _PLACE / max(1.0, *(figures[cell.name][key]["max"] for cell in cells))
    for cell in cells:
        one = figures[cell.name][key]
        picture.y += _LINE
        picture.text(_LEFT - 10, cell.label, anchor="end")
        picture.parts.append(
            f'<rect x="{_LEFT}" y="{picture.y - 12:.1f}" height="15" rx="2"'
            f' width="{max(1.0, one["median"] * scale):.1f}" class="{cell.contender}"/>'
        )
        picture.line(
            _LEFT + one["min"] * scale, _LEFT + one["max"] * scale, picture.y - 4.5, "range"
        )
        picture.text(_LEFT + one["max"] * scale + 8, f"{one['median']:,.0f}")
    picture.y += _LINE


def _dots(
    picture: Picture, title: str, hint: str, figures: Summary, keys: tuple[str, str],
    wanted: Callable[[Cell], bool],
) -> None:  # fmt: skip
    cells = [cell for cell in _cells(figures, keys[0], wanted) if keys[1] in figures[cell.name]]
    if not cells:
        return
    _head(picture, title, hint)
    values = [max(0.1, figures[cell.name][key]["median"]) for cell in cells for key in keys]
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    most = max(most, least + 1)

    def at(value: float) -> float:
        return _LEFT + (math.log10(max(0.1, value)) - least) / (most - least) * _PLACE

    picture.y += 10
    for power in range(least, most + 1):
        picture.text(at(10.0**power), f"{10.0**power:,g}", "faint", "middle")
    picture.y += 6
    for power in range(least, most + 1):
        picture.upright(at(10.0**power), _LINE * len(cells) + 6)
    for cell in cells:
        first, second = (figures[cell.name][key]["median"] for key in keys)
        picture.y += _LINE
        picture.text(_LEFT - 10, cell.label, anchor="end")
        low, high = sorted((first, second))
        picture.line(at(low), at(high), picture.y - 4, "span")
        picture.dot(at(first), "hollow")
        picture.dot(at(second), cell.contender)
        picture.text(at(high) + 12, f"{_short(first)} / {_short(second)}")
    picture.y += _LINE


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
