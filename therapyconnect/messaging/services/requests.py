"""What is asked of a lane, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import AttachmentRef, MessageRef
from therapyconnect.messaging.policies.content import MAX_PAYLOAD_BYTES
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.shapes import (
    AppointmentAnswer,
    ChatStatus,
    EmergencyAlert,
    Message,
    RoomKind,
)

ReceiptKind = Literal["delivered", "read"]


@dataclass(slots=True)
class Send:
    """A message to write, its content already checked (`policies.content`).

    `payload` is as it was sent, and what a retry is compared by: what is kept of it is judged in
    the batch, after the look for an earlier attempt.
    """

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
    replaces: MessageRef | None = None
    """The prescription that this one corrects."""
    attachment: AttachmentRef | None = None

    def body(self) -> bytes:
        """The request's body in one canonical form, defaults filled in.

        Without an attachment it is what it was before there were any: stored digests depend on it.
        """
        said = (self.text, self.message_type, self.emergency, self.reply_to, self.payload)
        return _canonical.encode(said if self.attachment is None else (*said, self.attachment.key))

    @property
    def user_id(self) -> str:
        return self.sender_id

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
    def user_id(self) -> str:
        return self.reader_id

    @property
    def size(self) -> int:
        return 256


@dataclass(slots=True, kw_only=True)
class Change:
    """A durable change of a chat other than a new message, asked for by `user_id`."""

    chat_id: str
    user_id: str
    reply: Callable[[Outcome], None] = field(repr=False)
    origin: object = None

    @property
    def size(self) -> int:
        return 512


@dataclass(slots=True, kw_only=True)
class Amendment(Change):
    """A change of the message with the number `seq`."""

    seq: int

    @property
    def ref(self) -> MessageRef:
        return MessageRef(self.chat_id, self.seq)


@dataclass(slots=True, kw_only=True)
class Edit(Amendment):
    text: str

    @property
    def size(self) -> int:
        return 512 + 4 * len(self.text)


@dataclass(slots=True, kw_only=True)
class Delete(Amendment):
    pass


@dataclass(slots=True, kw_only=True)
class Restore(Amendment):
    pass


@dataclass(slots=True, kw_only=True)
class Flag(Amendment):
    """Mark a message as an emergency."""


@dataclass(slots=True, kw_only=True)
class Answer(Amendment):
    """An answer to an appointment."""

    answer: AppointmentAnswer
    start: datetime | None = None
    end: datetime | None = None
    time_zone: str | None = None


@dataclass(slots=True, kw_only=True)
class SetStatus(Change):
    status: ChatStatus


@dataclass(slots=True, kw_only=True)
class SetRoom(Change):
    """What of the room to set; what is unset stays."""

    room_type: RoomKind | UnsetType = UNSET
    description: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    therapist_can_send: bool | UnsetType = UNSET
    patient_can_send: bool | UnsetType = UNSET
    therapist_can_see_history: bool | UnsetType = UNSET
    patient_can_see_history: bool | UnsetType = UNSET


@dataclass(slots=True, kw_only=True)
class EndCare(Change):
    """The care relationship of the pair ends."""


Request = Send | Advance | Change


@dataclass(slots=True)
class Sent:
    """The message as it stands now; `created` is False where it was already there.

    `alert` is the one that a patient's emergency raised or belongs to.
    """

    message: Message
    created: bool
    chat: ChatAccess
    alert: EmergencyAlert | None = None
    raised: bool = False


@dataclass(slots=True)
class Advanced:
    """Where the reader's horizons stand. `moved` is False where nothing changed.

    `message_id` names the newest message covered. `alert` was delivered by it.
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
    alert: EmergencyAlert | None = None


@dataclass(slots=True)
class Changed:
    """What a change came to: nothing (`happenings` empty), or one or two numbers of the sequence.

    `message` is the one amended, as it stands now.
    """

    chat: ChatAccess
    happenings: list[Happening]
    message: Message | None = None
    alert: EmergencyAlert | None = None
    raised: bool = False


Outcome = Sent | Advanced | Changed | DomainError

_canonical = msgspec.json.Encoder(order="sorted")
