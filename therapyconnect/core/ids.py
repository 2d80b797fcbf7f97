"""Identifiers, which carry their own structure.

A user's id names the role (`t_`, `p_`, `a_`); a chat's id names its two users; a message's id is
its chat and its number in the chat. So a route that is given only a message id knows the chat to
guard it by, and the message table needs no second index.
"""

from __future__ import annotations

import re
import secrets
from functools import lru_cache
from typing import Final, Literal, NamedTuple

Role = Literal["therapist", "patient", "admin"]

_TAIL = r"[a-z0-9]{3,32}"
USER_ID_PATTERN: Final = rf"^[tpa]_{_TAIL}$"
_USER = re.compile(rf"[tpa]_{_TAIL}")
_CHAT = re.compile(rf"CHAT_(t_{_TAIL})_(p_{_TAIL})")
_ROOM = re.compile(rf"ROOM_(t_{_TAIL})_(p_{_TAIL})")
_MESSAGE = re.compile(rf"MSG_(t_{_TAIL})_(p_{_TAIL})_([1-9][0-9]{{0,18}})")
_ALERT = re.compile(rf"EMG_(t_{_TAIL})_(p_{_TAIL})_([1-9][0-9]{{0,18}})")
_ATTACHMENT = re.compile(rf"ATT_(t_{_TAIL})_(p_{_TAIL})_([0-9a-f]{{24}})")
_ROLES: Final[dict[str, Role]] = {"t": "therapist", "p": "patient", "a": "admin"}

MAX_SEQ: Final = 2**63 - 1
"""Sequence numbers are PostgreSQL `bigint`; a cursor beyond this is refused before the query."""


class MessageRef(NamedTuple):
    """The key of a message: its chat and its number in the chat."""

    chat_id: str
    seq: int

    @property
    def id(self) -> str:
        return f"MSG_{self.chat_id[5:]}_{self.seq}"


class AttachmentRef(NamedTuple):
    """The key of an attachment: its chat, and 96 random bits that tell nothing of how many."""

    chat_id: str
    key: str

    @property
    def id(self) -> str:
        return f"ATT_{self.chat_id[5:]}_{self.key}"


def is_user_id(value: str) -> bool:
    """True for `t_…`, `p_…`, `a_…` with 3 to 32 lower-case letters or digits."""
    return _USER.fullmatch(value) is not None


def role_of(user_id: str) -> Role:
    """The role that a well-formed user id holds; it never changes."""
    return _ROLES[user_id[0]]


def chat_id_for(*, therapist_id: str, patient_id: str) -> str:
    return f"CHAT_{therapist_id}_{patient_id}"


def room_id_for(chat_id: str) -> str:
    return f"ROOM_{chat_id[5:]}"


@lru_cache(maxsize=20_000)  # asked again and again of the chats in use
def parse_chat_id(value: str) -> tuple[str, str] | None:
    """`(therapist_id, patient_id)`, or None where `value` can't be the id of a chat."""
    match = _CHAT.fullmatch(value)
    return (match[1], match[2]) if match else None


def parse_room_id(value: str) -> str | None:
    """The id of the room's chat, or None where `value` can't be the id of a room."""
    match = _ROOM.fullmatch(value)
    return f"CHAT_{match[1]}_{match[2]}" if match else None


def alert_id_for(chat_id: str, event_seq: int) -> str:
    """An emergency alert is named by the event that raised it."""
    return f"EMG_{chat_id[5:]}_{event_seq}"


def parse_alert_id(value: str) -> MessageRef | None:
    """The chat and the event that an alert's id names, or None where it can't be one."""
    return _ref(_ALERT.fullmatch(value))


def parse_message_id(value: str) -> MessageRef | None:
    """The chat and number that a message id names, or None where it can't be one."""
    return _ref(_MESSAGE.fullmatch(value))


def new_attachment(chat_id: str) -> AttachmentRef:
    return AttachmentRef(chat_id, secrets.token_hex(12))


def parse_attachment_id(value: str) -> AttachmentRef | None:
    """The chat and key that an attachment's id names, or None where it can't be one."""
    match = _ATTACHMENT.fullmatch(value)
    return AttachmentRef(f"CHAT_{match[1]}_{match[2]}", match[3]) if match else None


def _ref(match: re.Match[str] | None) -> MessageRef | None:
    if match is None or int(match[3]) > MAX_SEQ:
        return None
    return MessageRef(f"CHAT_{match[1]}_{match[2]}", int(match[3]))
