"""What a client sees of an attachment."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["image", "file"]
AttachmentState = Literal["uploading", "scanning", "ready", "quarantined", "rejected"]


class Attachment(msgspec.Struct, kw_only=True):
    """A file on its way: `scanning`, then `ready`; or `quarantined`, or `rejected` as damaged."""

    id: str
    state: AttachmentState
    name: str
    size: int
    content_type: str
