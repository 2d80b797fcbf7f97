"""A history: what clients asked, what they were told, and when.

It holds nothing that a client could not know.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.records import (
    Advancing,
    Attempt,
    Changing,
    Life,
    Overheard,
    Reading,
    Revoking,
    Sending,
    Standing,
)

DUMPED = (
    "sendings", "changings", "readings", "advancings", "standings",
    "lives", "attempts", "overheard", "revokings",
)  # fmt: skip


@dataclass(slots=True)
class History:
    """Everything of one run. Only ever appended to."""

    sendings: list[Sending] = field(default_factory=list)
    changings: list[Changing] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    overheard: list[Overheard] = field(default_factory=list)
    revokings: list[Revoking] = field(default_factory=list)
    advancings: list[Advancing] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Answers that no input and no fault excuses: 500, a frame `server_error`, a wrong refusal."""
    have: dict[tuple[str, str], int] = field(default_factory=dict)
    """(device, chat) -> the number up to which a device had everything, at the quiet end."""

    @property
    def acks(self) -> int:
        """Messages acknowledged, each counted once."""
        return len({(s.chat_id, s.sender_id, s.key) for s in self.sendings if s.told is not None})

    @property
    def changes(self) -> int:
        """Edits, deletes and restores that were acknowledged."""
        return sum(1 for changing in self.changings if changing.outcome == "acked")

    @property
    def tries(self) -> int:
        """Attempts of outsiders that were answered."""
        return sum(1 for attempt in self.attempts if attempt.answer is not None)

    @property
    def revoked(self) -> int:
        """Sessions whose end was acknowledged."""
        return sum(1 for revoking in self.revokings if revoking.acked is not None)

    def tally(self) -> str:
        """One line of what was recorded."""
        outcomes = Counter(s.outcome for s in self.sendings)
        heard = sum(1 for life in self.lives for e in life.entries if e.what in ("event", "ack"))
        return (
            f"{self.acks} messages acked ({len(self.sendings)} attempts, "
            f"{outcomes['unknown']} unknown), {self.changes} changes acked "
            f"({len(self.changings)} asked), {len(self.kills)} kills "
            f"{dict(Counter(what for _, what in self.kills))}, {len(self.lives)} sockets, "
            f"{heard} events heard, {len(self.advancings)} receipts, {len(self.readings)} "
            f"readings, {self.tries} tries of outsiders, {self.revoked} sessions ended"
        )

    def dump(self, path: Path) -> None:
        """Write it down, one JSON line each, for whoever looks into a violation."""
        with path.open("w") as out:
            for name in DUMPED:
                for entry in getattr(self, name):
                    named = entry._asdict() if hasattr(entry, "_asdict") else asdict(entry)
                    out.write(json.dumps({name: _plain(named)}, default=str) + "\n")
            for kill in self.kills:
                out.write(json.dumps({"kill": kill}) + "\n")


def _plain(value: Any) -> Any:
    """With keys that JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
