"""What reads the bytes of a stranger's file. Runs in the child process only.

Each judge takes the open file and answers `Passed`, or raises `Refused`. Anything else that it
raises says that the file is damaged.
"""

from __future__ import annotations

from typing import BinaryIO, Final

from therapyconnect.attachments.inspection.message import Passed
from therapyconnect.attachments.inspection.outcome import refusal

_IMAGES: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)


def judge_file(file: BinaryIO) -> Passed:
    """What it is by its content. The libraries are loaded as they are needed: each takes time."""
    head = file.read(16)
    file.seek(0)
    for magic, format in _IMAGES:
        if head.startswith(magic):
            return _image(file, format)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _image(file, "WEBP")
    if head.startswith(b"%PDF-"):
        from therapyconnect.attachments.inspection.judges.pdf import judge_pdf

        return judge_pdf(file)
    if head.startswith(b"PK\x03\x04"):
        from therapyconnect.attachments.inspection.judges.office import judge_office

        return judge_office(file)
    from therapyconnect.attachments.inspection.judges.text import judge_text

    return judge_text(file)


def _image(file: BinaryIO, format: str) -> Passed:
    from therapyconnect.attachments.inspection.judges.images import judge_image

    found = judge_image(file, format)
    if found.width is None or found.height is None:
        raise refusal("damaged_file")
    return found
