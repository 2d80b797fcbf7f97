"""What clients write down: each attempt, each answer, each frame, on one monotonic clock.

An answer that never came is `unknown`, never failed: the checker may not hold it against the
server.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Outcome = Literal["unknown", "acked", "refused"]
Kind = Literal["delivered", "read"]
Change = Literal["edit", "delete", "restore"]


class Told(NamedTuple):
    """A message as some answer, frame or page told it.

    The first five never change. The rest is how it stood at `changed_seq`, and nothing else.
    """

    id: str
    seq: int
    sender_id: str | None
    key: str | None
    timestamp: str
    changed_seq: int
    text: str | None
    deleted: bool

    @classmethod
    def of(cls, message: dict[str, Any]) -> Told:
        return cls(
            message["id"],
            message["seq"],
            message["sender_id"],
            message["client_message_id"],
            message["timestamp"],
            message["changed_seq"],
            message["text"],
            message["deleted"],
        )

    @property
    def fixed(self) -> tuple[str, int, str | None, str | None, str]:
        """What can never change."""
        return self[:5]


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
class Changing:
    """One attempt to edit, delete or restore a message of one's own.

    No two edits ask for the same text, and none is asked again: so each may be there once.
    """

    chat_id: str
    user_id: str
    message_id: str
    kind: Change
    text: str | None
    asked: float
    answered: float | None = None
    outcome: Outcome = "unknown"
    code: str | None = None
    seq: int | None = None
    """The number of the change; where nothing had to change, that of the message's latest."""
    told: Told | None = None

    def ack(self, seq: int, told: Told | None = None) -> None:
        self.answered, self.outcome, self.seq, self.told = now(), "acked", seq, told

    def refuse(self, code: str) -> None:
        self.answered, self.outcome, self.code = now(), "refused", code


class Reading(NamedTuple):
    """A message that was asked for by its id, and how it was told."""

    chat_id: str
    asked: float
    told: Told


@dataclass(slots=True)
class Attempt:
    """An outsider's try to get at a chat. `answer` is a status, an error's code, or unknown."""

    user_id: str
    chat_id: str
    what: str
    answer: int | str | None = None
    held: bool = False
    """Something in the answer was said in that chat."""


class Overheard(NamedTuple):
    """A frame that named or held something of a chat that is not its hearer's."""

    user_id: str
    chat_id: str
    type: str


@dataclass(slots=True)
class Revoking:
    """A session that was ended while its socket was open; `within` seconds nothing is left of it.

    `acked` is when the log-out was answered, None where that is unknown.
    """

    user_id: str
    device: str
    within: float
    acked: float | None = None
    closed: float | None = None
    code: int | None = None
    given_up: float | None = None
    """When the client closed a socket that the server had left open."""
    heard: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What REST and the door answered to the old token afterwards."""


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


class ToldChange(NamedTuple):
    """A change as a frame told it; `text` is what an edit brought, None where that is over."""

    type: str
    message_id: str
    text: str | None


class Entry(NamedTuple):
    """Something on a socket: a frame heard, or a resume asked (`seq` is then its cursor)."""

    at: float
    what: What
    chat_id: str
    seq: int
    told: Told | None = None
    seqs: dict[tuple[str, Kind], int] | None = None
    change: ToldChange | None = None


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
        change: ToldChange | None = None,
    ) -> None:
        self.entries.append(Entry(now(), what, chat_id, seq, told, seqs, change))


def now() -> float:
    return time.monotonic()
