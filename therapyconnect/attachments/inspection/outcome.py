"""What comes of an inspection: one of the two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kind = Literal["image", "file"]
RefusalStatus = Literal[413, 415, 422]

REFUSALS: Final[dict[str, RefusalStatus]] = {
    "empty_file": 422,
    "damaged_file": 422,
    "encrypted_file": 422,
    "too_complex": 422,
    "file_too_large": 413,
    "image_too_large": 413,
    "expands_too_far": 413,
    "unsupported_type": 415,
    "type_mismatch": 415,
    "deceptive_name": 415,
    "active_content": 415,
    "embedded_file": 415,
    "external_content": 415,
}
"""Every code, in `docs/guide/errors.md` too, with the status of its answer."""


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that passed. Both paths lie in the folder that the inspection was given."""

    content_type: str
    kind: Kind
    name: str
    """Clean, and with an extension that fits the content."""
    content: Path
    """An image encoded anew, without metadata; a document as it came."""
    thumbnail: Path | None
    """Of an image, always: a JPEG of at most 320 by 320."""
    width: int | None
    height: int | None


class Refused(Exception):
    """A file that is not handed on. `code` and `status` go on the wire, nothing of the file."""

    def __init__(self, code: str, status: RefusalStatus) -> None:
        super().__init__(code)
        self.code = code
        self.status: RefusalStatus = status


def refusal(code: str) -> Refused:
    """The refusal of this code, with the status that belongs to it."""
    return Refused(code, REFUSALS[code])
