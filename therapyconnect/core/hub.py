"""The hub's interface: what is pushed after a commit, to whoever is connected.

A push is a hint and may be lost; the sequence shows the gap, and the stream reads what is missing.
Engines live in `realtime`; which one serves is chosen in `config`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol


@dataclass(slots=True)
class Happened:
    """A durable event: something took the next number of its chat.

    `happening` is what, `chat` how the chat stood (who may see it is told by that). `origin` is
    the socket request that asked for it, or None; `answer` is what only the asker is told.
    """

    chat_id: str
    happening: Any
    chat: Any
    origin: object = None
    answer: Any = None


@dataclass(slots=True)
class ReceiptMoved:
    """A horizon moved. Not numbered: a later receipt says more than a lost one."""

    chat_id: str
    reader_id: str
    kind: Literal["delivered", "read"]
    seq: int
    message_id: str | None
    at: datetime
    origin: object = None


@dataclass(slots=True)
class Typing:
    """Ephemeral: known to the hub only, and published by it alone."""

    chat_id: str
    user_id: str
    is_typing: bool


@dataclass(slots=True)
class Unsure:
    """Something may have happened to this chat that nobody was told of: its stream looks.

    A commit's outcome is unknown, or what the chat depends on has changed elsewhere.
    """

    chat_id: str


@dataclass(slots=True)
class AlertChanged:
    """An emergency alert has a new state. `alert` is the wire shape (a struct)."""

    chat_id: str
    alert: Any


@dataclass(slots=True)
class Notified:
    """A notification of a user's own, for all their user sockets; the wire shape (a struct)."""

    user_id: str
    notification: Any


@dataclass(slots=True)
class AttachmentChanged:
    """A file has a new state. `attachment` is the wire shape; `audience` are who may know."""

    chat_id: str
    attachment: Any
    audience: frozenset[str]


Push = Happened | ReceiptMoved | Unsure | AlertChanged | AttachmentChanged | Notified


class Hub(Protocol):
    """Takes pushes on the loop, in the order of their commits, and never blocks."""

    def publish(self, pushes: Sequence[Push]) -> None: ...

    def online(self, user_id: str) -> bool:
        """Whether the user has a socket open; from any thread."""
        ...
