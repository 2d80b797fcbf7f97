"""The table as people read it: in the documents, and on the operator's terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from therapyconnect.crisis.resources import CrisisResource
from therapyconnect.crisis.table import Entry

HEAD: Final = (
    "| region | service | phone | text | hours | languages | source | checked |\n"
    "|---|---|---|---|---|---|---|---|"
)


def markdown_table(entries: Sequence[Entry]) -> str:
    """Every entry with its source, one row each, by region."""
    rows = sorted(entries, key=lambda entry: (entry.region, entry.kind != "emergency"))
    return "\n".join([HEAD, *(_row(entry) for entry in rows)])


def lines_for(resources: Sequence[CrisisResource]) -> list[str]:
    """What a patient is shown, one line a service."""
    return [
        "  ".join(part for part in (r.name, r.phone, r.text, r.url, r.hours) if part)
        for r in resources
    ]


def _row(entry: Entry) -> str:
    cells = (
        entry.region or "everywhere",
        entry.name,
        entry.phone,
        entry.text,
        entry.hours,
        ", ".join(entry.languages),
        f"<{entry.source or entry.url}>" if entry.source or entry.url else None,
        entry.checked,
    )
    return "| " + " | ".join((cell or "-").replace("|", "\\|") for cell in cells) + " |"
