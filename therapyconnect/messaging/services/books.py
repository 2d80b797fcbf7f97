"""What a batch knows of its chats, and of the messages and rooms that its requests name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from therapyconnect.core.errors import DomainError
from therapyconnect.messaging.policies.standing import Side
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.shapes import Message
from therapyconnect.vault.cipher import Cipher


@dataclass(slots=True)
class Quoted:
    """What the batch must know of a message that another one names."""

    sender_id: str | None
    version: int
    text_sealed: bytes
    deleted: bool
    message_type: str
    restored_seq: int | None


@dataclass(slots=True)
class Target:
    """A message that the batch may amend: as it stands, and as its row is sealed.

    `quote` is what it quotes, also where it is deleted and shows none.
    """

    message: Message
    version: int
    text_sealed: bytes
    payload_sealed: bytes | None
    restored_seq: int | None
    quote: str | None
    attached: dict[str, Any] = field(default_factory=dict)
    """The fields of its attachment, also where it is deleted and shows none."""


@dataclass(slots=True)
class RoomFacts:
    """A room's row, opened; `archived` and who may send are in the chat's standing."""

    room_type: str
    description: str
    tags: list[str]
    therapist_can_see_history: bool
    patient_can_see_history: bool

    def sees(self, side: Side) -> bool:
        """Whether `side` sees history."""
        return (
            self.therapist_can_see_history
            if side == "therapist"
            else (self.patient_can_see_history)
        )


@dataclass(slots=True)
class Book:
    """One chat in a batch. `key` opens and seals its values, or is what is wrong with it."""

    access: ChatAccess
    names: dict[str, str]
    key: Cipher | DomainError
    said_at: datetime | None = None
    recount: set[Side] = field(default_factory=set)
    unmarked: set[Side] = field(default_factory=set)
    touched: bool = False

    @property
    def cipher(self) -> Cipher:
        """What opens and seals the chat's values; raises what is wrong with it."""
        if isinstance(self.key, DomainError):
            raise self.key
        return self.key

    def check_opens(self) -> None:
        """Raise what is wrong with the chat's key, before anything of a request is noted."""
        _ = self.cipher
