"""What a listener is told: the frames of the socket, and what the client itself has to say."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from therapyconnect_client import frames
from therapyconnect_client.errors import ApiError
from therapyconnect_client.shapes import Receipts


class Connected(msgspec.Struct, frozen=True):
    """The socket is open. Alerts and notifications are not replayed: read their lists now."""


class Disconnected(msgspec.Struct, frozen=True):
    """The socket ended; the client comes back by itself. `code` is 0 where there was none."""

    code: int


class CaughtUp(msgspec.Struct, frozen=True):
    """All of this chat up to `last_seq` has been told, and who has read what."""

    chat_id: str
    last_seq: int
    receipts: Receipts


class Afresh(msgspec.Struct, frozen=True):
    """Drop what you hold of this chat: all of it follows, from its first event.

    The installation was restored from a backup: numbers are given anew, to other messages.
    """

    chat_id: str


class ChatGone(msgspec.Struct, frozen=True):
    """This chat can't be followed any more; `code` says why."""

    chat_id: str
    code: str


class SendRefused(msgspec.Struct, frozen=True):
    """A message that waited was refused, perhaps one of an earlier process."""

    chat_id: str
    client_message_id: str
    error: ApiError


Happening: TypeAlias = (
    frames.Sequenced
    | frames.EmergencyUpdated
    | frames.MessageReadReceipt
    | frames.MessageDeliveredReceipt
    | frames.TypingIndicator
    | frames.Presence
    | frames.Notified
    | Connected
    | Disconnected
    | CaughtUp
    | Afresh
    | ChatGone
    | SendRefused
)
