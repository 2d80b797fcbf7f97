"""What comes of an inspection: one of the two."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["image", "file"]
RefusalStatus = Literal[413, 415, 422]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A file that passed. Both paths lie in the folder that the inspection was given."""

    content_type: str
    kind: Kind
    name: str
    content: Path
    """An image encoded anew, without metadata; a document as it came."""
    thumbnail: Path | None
    width: int | None
    height: int | None


class Refused(Exception):
    """A file that is not handed on. `code` and `status` go on the wire; nothing of the file does."""

    def __init__(self, code: str, status: RefusalStatus) -> None:
        super().__init__(code)
        self.code = code
        self.status: RefusalStatus = status
