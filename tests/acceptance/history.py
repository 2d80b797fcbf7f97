"""A history: what clients asked, what they were told, and when, on one monotonic clock.

It holds nothing that a client could not know. An answer that never came is `unknown`, never
failed: the checker may not hold it against the server, and the client has to ask again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

Outcome = Literal["unknown", "acked", "refused"]
Kind = Literal["delivered", "read"]


class Told(NamedTuple):
    """A message as some answer, frame or page told it; what of it can never change."""

    id: str
    seq: int
    sender_id: str | None
    key: str | None
    text: str | None
    timestamp: str

    @classmethod
    def of(cls, message: dict[str, Any]) -> Told:
        return cls(
            message["id"],
            message["seq"],
            message["sender_id"],
            message["client_message_id"],
            message["text"],
            message["timestamp"],
        )


@dataclass(slots=True)
class Sending:
    """One attempt to send. All attempts under one `key` ask for the same message."""

    chat_id: str
    sender_id: str
    key: str
    text: str
    retry: bool
    asked: float
    answered: float | None = None
    outcome: Outcome = "unknown"
    status: int | None = None
    code: str | None = None
    told: Told | None = None

    def ack(self, told: Told, status: int | None = None) -> None:
        self.answered, self.outcome, self.told, self.status = now(), "acked", told, status

    def refuse(self, code: str, status: int | None = None) -> None:
        self.answered, self.outcome, self.code, self.status = now(), "refused", code, status


@dataclass(slots=True)
class Advancing:
    """One attempt to move a horizon. `future` ones are above every number and must be refused."""

    chat_id: str
    reader_id: str
    kind: Kind
    up_to: int
    future: bool
    asked: float
    answered: float | None = None
    outcome: Outcome = "unknown"
    code: str | None = None

    def end(self, outcome: Outcome, code: str | None = None) -> None:
        self.answered, self.outcome, self.code = now(), outcome, code


class Standing(NamedTuple):
    """Where the horizons of a chat stood, by reader and kind, in one answer."""

    chat_id: str
    asked: float
    answered: float
    seqs: dict[tuple[str, Kind], int]


What = Literal["greeted", "asked", "event", "ack", "answer", "resumed", "broken", "receipt"]
"""`ack` answers a first attempt and is the event itself; `answer` answers a retry."""


class Entry(NamedTuple):
    """Something on a socket: a frame heard, or a resume asked (`seq` is then its cursor)."""

    at: float
    what: What
    chat_id: str
    seq: int
    told: Told | None = None
    seqs: dict[tuple[str, Kind], int] | None = None


@dataclass(slots=True)
class Life:
    """One socket, from its greeting to its end."""

    device: str
    user_id: str
    kind: Literal["chat", "user"]
    opened: float
    entries: list[Entry] = field(default_factory=list)
    closed: float | None = None

    def note(
        self,
        what: What,
        chat_id: str,
        seq: int,
        told: Told | None = None,
        seqs: dict[tuple[str, Kind], int] | None = None,
    ) -> None:
        self.entries.append(Entry(now(), what, chat_id, seq, told, seqs))


@dataclass(slots=True)
class History:
    """Everything of one run. Only ever appended to."""

    sendings: list[Sending] = field(default_factory=list)
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

    def tally(self) -> str:
        """One line of what was recorded."""
        outcomes = Counter(s.outcome for s in self.sendings)
        heard = sum(1 for life in self.lives for e in life.entries if e.what in ("event", "ack"))
        return (
            f"{self.acks} messages acked ({len(self.sendings)} attempts, "
            f"{outcomes['unknown']} unknown), {len(self.kills)} kills "
            f"{dict(Counter(what for _, what in self.kills))}, {len(self.lives)} sockets, "
            f"{heard} events heard, {len(self.advancings)} receipts"
        )

    def dump(self, path: Path) -> None:
        """Write it down, one JSON line each, for whoever looks into a violation."""
        with path.open("w") as out:
            for name in ("sendings", "advancings", "lives"):
                for entry in getattr(self, name):
                    out.write(json.dumps({name: _plain(asdict(entry))}, default=str) + "\n")
            for kill in self.kills:
                out.write(json.dumps({"kill": kill}) + "\n")


def _plain(value: Any) -> Any:
    """With keys that JSON can hold."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def now() -> float:
    return time.monotonic()
