"""What is asked of a lane, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.policies.content import MAX_PAYLOAD_BYTES
from therapyconnect.messaging.shapes import Message

ReceiptKind = Literal["delivered", "read"]


@dataclass(slots=True)
class Send:
    """A message to write, its content already checked (`policies.content`)."""

    chat_id: str
    sender_id: str
    text: str
    message_type: str
    emergency: bool
    reply_to: MessageRef | None
    client_message_id: str | None
    payload: dict[str, Any] | None
    reply: Callable[[Outcome], None] = field(repr=False)
    origin: object = None
    """What asked, so that the push to that very socket can be its ack."""

    def body(self) -> bytes:
        """The request's body in one canonical form, defaults filled in."""
        return _canonical.encode(
            (self.text, self.message_type, self.emergency, self.reply_to, self.payload)
        )

    @property
    def size(self) -> int:
        return 512 + 4 * len(self.text) + (MAX_PAYLOAD_BYTES if self.payload is not None else 0)


@dataclass(slots=True)
class Advance:
    """A horizon to move. `up_to` None means: as far as the chat goes now."""

    chat_id: str
    reader_id: str
    kind: ReceiptKind
    up_to: int | None
    reply: Callable[[Outcome], None] = field(repr=False)
    message: bool = False
    """True where `up_to` names a message of the other participant's, which must exist."""
    origin: object = None

    @property
    def size(self) -> int:
        return 256


Request = Send | Advance


@dataclass(slots=True)
class Sent:
    """The message as it stands now; `created` is False where it was already there."""

    message: Message
    created: bool
    therapist_id: str
    patient_id: str


@dataclass(slots=True)
class Advanced:
    """Where the reader's horizons stand. `moved` is False where nothing changed.

    `message_id` names the newest message covered.
    """

    chat_id: str
    reader_id: str
    kind: ReceiptKind
    seq: int
    delivered_seq: int
    read_seq: int
    message_id: str | None
    at: datetime
    moved: bool


Outcome = Sent | Advanced | DomainError

_canonical = msgspec.json.Encoder(order="sorted")
