"""What the child says to the server: small, and believed only as far as these types go."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from therapyconnect.attachments.inspection.limits import MAX_SIDE

READY: Final = b"+"
"""Said before the first byte of the file is read: what ends the child later is the file's."""
BROKEN: Final = "broken"
"""No refusal: the inspection itself does not work here."""
MAX_MESSAGE: Final = 512

Side = Annotated[int, msgspec.Meta(ge=1, le=MAX_SIDE)]


class Passed(msgspec.Struct, frozen=True, tag="passed", forbid_unknown_fields=True):
    """`content` and `thumbnail` lie in the child's folder where it is an image."""

    content_type: str
    width: Side | None = None
    height: Side | None = None


class Stopped(msgspec.Struct, frozen=True, tag="stopped", forbid_unknown_fields=True):
    code: str


Message = Passed | Stopped
_DECODER: Final = msgspec.json.Decoder[Message](Message)


def decode(raw: bytes) -> Message | None:
    """The message, or None where it is none."""
    try:
        message: Message = _DECODER.decode(raw)
    except msgspec.MsgspecError:
        return None
    return message


def encode(message: Message) -> bytes:
    return msgspec.json.encode(message)
