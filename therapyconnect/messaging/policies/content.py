"""What a message may hold, by its type and its sender."""

from __future__ import annotations

from typing import Any

import msgspec

from therapyconnect.attachments.policies import attachment_mismatch
from therapyconnect.core.errors import Invalid, NotFound, Problem
from therapyconnect.core.ids import (
    AttachmentRef,
    MessageRef,
    Role,
    parse_attachment_id,
    parse_message_id,
)
from therapyconnect.core.text import encodable

MAX_PAYLOAD_BYTES = 16 * 1024
MAX_PAYLOAD_DEPTH = 64
"""What is read must also be written, inside of frames and pages: far below any encoder's limit."""


def check_content(
    *,
    role: Role,
    text: str,
    message_type: str,
    client_message_id: str | None,
    attachment_id: str | None,
    payload: dict[str, Any] | None,
) -> None:
    """Raise `Invalid` with every reason why this may not be said.

    Lengths are already right (the shapes hold them). Text is stored as sent: nothing is trimmed.
    """
    problems = _text_problems(text)
    if client_message_id is not None and (
        "\x00" in client_message_id or not encodable(client_message_id)
    ):
        problems.append(Problem("invalid", "Not a usable id.", "client_message_id"))
    if message_type == "prescription" and role != "therapist":
        problems.append(
            Problem("prescription_by_therapist", "Only a therapist prescribes.", "message_type")
        )
    if message_type in ("image", "file") and attachment_id is None:
        problems.append(
            Problem("attachment_required", "This type needs an attachment.", "attachment_id")
        )
    if message_type not in ("image", "file") and attachment_id is not None:
        problems.append(attachment_mismatch())
    if payload is not None and _deeper_than(MAX_PAYLOAD_DEPTH, payload):
        problems.append(Problem("invalid", "At most 64 levels of nesting.", "payload"))
    elif payload is not None and len(msgspec.json.encode(payload)) > MAX_PAYLOAD_BYTES:
        problems.append(Problem("payload_too_large", "The payload is over 16 KiB.", "payload"))
    if problems:
        raise Invalid.of(*problems)


def check_text(text: str) -> None:
    """The same for the words alone, as an edit brings them."""
    problems = _text_problems(text)
    if problems:
        raise Invalid.of(*problems)


def check_attached(attachment_id: str | None, chat_id: str) -> AttachmentRef | None:
    """The attachment named, which must be one of the same chat. All else of it is judged later."""
    if attachment_id is None:
        return None
    ref = parse_attachment_id(attachment_id)
    if ref is None or ref.chat_id != chat_id:
        raise NotFound("attachment_id")
    return ref


def check_reply(reply_to: str | None, chat_id: str) -> MessageRef | None:
    """The message replied to, which must be one of the same chat. Its existence is judged later."""
    if reply_to is None:
        return None
    ref = parse_message_id(reply_to)
    if ref is None or ref.chat_id != chat_id:
        raise reply_not_in_chat()
    return ref


def reply_not_in_chat() -> Invalid:
    return Invalid("reply_to_not_in_chat", "No such message in this chat.", "reply_to")


def _text_problems(text: str) -> list[Problem]:
    problems: list[Problem] = []
    if text.isspace():
        problems.append(Problem("blank", "The text is only white space.", "text"))
    if "\x00" in text:
        problems.append(Problem("null_character", "The text holds a NUL character.", "text"))
    if not encodable(text):
        problems.append(Problem("invalid", "The text is not valid Unicode.", "text"))
    return problems


def _deeper_than(levels: int, value: Any) -> bool:
    """Whether `value` nests deeper; level by level, so that its depth is never ours."""
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return False
    return True
