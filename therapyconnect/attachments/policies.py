"""Who may take an attachment for which message, and who may fetch it when."""

from __future__ import annotations

from typing import Protocol

from therapyconnect.attachments.shapes import AttachmentState, Kind
from therapyconnect.core.errors import Conflict, Invalid, NotFound, Problem


class Facts(Protocol):
    """What is judged by."""

    uploader_id: str
    kind: Kind
    state: AttachmentState
    message_seq: int | None


def check_attachment(file: Facts, *, sender_id: str, message_type: str) -> None:
    """Raise why a message of `sender_id` may not take the file. Still `scanning`, it may."""
    if file.uploader_id != sender_id or file.state == "uploading":
        raise NotFound("attachment_id")
    if file.message_seq is not None:
        raise Conflict("attachment_used", "A message has this file already.", "attachment_id")
    if file.state in ("quarantined", "rejected"):
        raise attachment_refused()
    if file.kind != message_type:
        problem = attachment_mismatch()
        raise Invalid(problem.code, problem.detail, problem.attr)


def check_fetch(file: Facts) -> None:
    """Raise why the file can't be fetched by one who may see it."""
    if file.state in ("quarantined", "rejected"):
        raise attachment_refused()
    if file.state != "ready":
        raise Conflict("attachment_not_ready", "This file is still being checked.")


def attachment_refused() -> Conflict:
    return Conflict("attachment_refused", "This file was found to be unsafe or damaged.")


def attachment_mismatch() -> Problem:
    return Problem(
        "attachment_mismatch",
        "An image goes with an image, another file with a file.",
        "attachment_id",
    )
