"""What one process tells the others: ids, numbers and states, never a word that was said.

Notes travel in parcels (`parcels.py`). They are hints like every push: one that is lost is made
good by the next beat, by the look into the database, or by whoever resumes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from therapyconnect.core.hub import (
    AlertChanged,
    AttachmentChanged,
    Happened,
    Push,
    ReceiptMoved,
    Unsure,
)
from therapyconnect.messaging.shapes import EmergencyAlert

USERS_A_PART: Final = 150


class EventNote(msgspec.Struct, tag="e", array_like=True):
    """The chat's events reach up to `seq`."""

    chat_id: str
    seq: int


class ReceiptNote(msgspec.Struct, tag="r", array_like=True):
    chat_id: str
    reader_id: str
    kind: Literal["delivered", "read"]
    seq: int
    message_id: str | None
    at: datetime


class TypingNote(msgspec.Struct, tag="t", array_like=True):
    chat_id: str
    user_id: str
    is_typing: bool


class UnsureNote(msgspec.Struct, tag="u", array_like=True):
    chat_id: str


class AlertNote(msgspec.Struct, tag="a", array_like=True):
    alert: EmergencyAlert


class AttachmentNote(msgspec.Struct, tag="f", array_like=True):
    """The file's state and name are read from its row: the name is sealed there."""

    attachment_id: str


class NotifiedNote(msgspec.Struct, tag="n", array_like=True):
    """The words are read from the row: they are sealed there."""

    user_id: str
    notification_id: str


class PresenceNote(msgspec.Struct, tag="p", array_like=True):
    """A user's first socket on this node came, or the last one went."""

    user_id: str
    online: bool


class BeatNote(msgspec.Struct, tag="b", array_like=True):
    """This node lives, and this is the sum of who is on it."""

    users: int
    digest: int


class AskNote(msgspec.Struct, tag="?", array_like=True):
    """Whoever is `node`: say who is on you. Your sum and what is known of you differ."""

    node: str


class PresentNote(msgspec.Struct, tag="l", array_like=True):
    """Part of the list of who is on this node."""

    generation: int
    part: int
    parts: int
    user_ids: list[str]


class ByeNote(msgspec.Struct, tag="x", array_like=True):
    """This node stops: nobody is on it any more."""


Note = (
    EventNote
    | ReceiptNote
    | TypingNote
    | UnsureNote
    | AlertNote
    | AttachmentNote
    | NotifiedNote
    | PresenceNote
    | BeatNote
    | AskNote
    | PresentNote
    | ByeNote
)


def note_of(push: Push) -> Note:
    """What the other processes are told of a push."""
    if isinstance(push, Happened):
        return EventNote(push.chat_id, push.happening.seq)
    if isinstance(push, ReceiptMoved):
        return ReceiptNote(
            push.chat_id, push.reader_id, push.kind, push.seq, push.message_id, push.at
        )
    if isinstance(push, Unsure):
        return UnsureNote(push.chat_id)
    if isinstance(push, AlertChanged):
        return AlertNote(push.alert)
    if isinstance(push, AttachmentChanged):
        return AttachmentNote(push.attachment.id)
    return NotifiedNote(push.user_id, push.notification.id)


def gather(notes: Iterable[Note]) -> list[Note]:
    """The same with one event note a chat, the furthest: it says all that the others did."""
    latest: dict[str, EventNote] = {}
    others: list[Note] = []
    for note in notes:
        if not isinstance(note, EventNote):
            others.append(note)
        elif note.chat_id not in latest or latest[note.chat_id].seq < note.seq:
            latest[note.chat_id] = note
    return [*latest.values(), *others]


def present(user_ids: Sequence[str], *, generation: int) -> list[Note]:
    """A whole list of users, in parts that each fit into a parcel."""
    parts = [user_ids[at : at + USERS_A_PART] for at in range(0, len(user_ids), USERS_A_PART)]
    return [
        PresentNote(generation, number, max(1, len(parts)), list(part))
        for number, part in enumerate(parts or [[]])
    ]
