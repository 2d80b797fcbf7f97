"""What happened in a chat, before anyone's eyes: one number of its sequence, as it stands now.

A lane makes one for each number it gives, and the same is read from the rows where a push was
missed. What a reader gets of it is decided in `event_for`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.messages import see
from therapyconnect.messaging.shapes import ChatDetail, Event, EventType, Message


@dataclass(slots=True)
class Happening:
    """`message`, or the chat as each of its people sees it (`chats`, by their id).

    Neither where the chat could not be opened once it was changed.
    `current` is False for an edit whose words were replaced by a later one. `flagged_later` is
    True for a message that was not an emergency yet when it was said.
    """

    seq: int
    type: EventType
    at: datetime
    actor_id: str | None
    message: Message | None = None
    chats: Mapping[str, ChatDetail] | None = None
    current: bool = True
    flagged_later: bool = False

    @classmethod
    def created(cls, message: Message) -> Happening:
        return cls(message.seq, "message_created", message.timestamp, message.sender_id, message)


def event_for(happening: Happening, *, viewer_id: str, chat: ChatAccess) -> Event:
    """The event as `viewer_id` sees it; of what is hidden from them only its place."""
    message = happening.message
    if message is not None:
        if not can_see(message.seq, chat.hidden_seq_of(viewer_id)):
            return Event(seq=happening.seq, type="hidden")
        return Event(
            seq=happening.seq,
            type=happening.type,
            at=happening.at,
            actor_id=happening.actor_id,
            message=see(message, chat=chat, viewer_id=viewer_id),
        )
    event = Event(
        seq=happening.seq, type=happening.type, at=happening.at, actor_id=happening.actor_id
    )
    detail = happening.chats[viewer_id] if happening.chats is not None else None
    if detail is not None and happening.type == "room_changed":
        event.room = detail.room
    elif detail is not None:
        event.chat = detail
    return event
