"""The way in: runs the inspection of one file in a process of its own."""

from __future__ import annotations

from pathlib import Path

from therapyconnect.attachments.inspection.outcome import Inspected, Refused


def inspect(source: Path, *, name: str, declared_type: str, folder: Path) -> Inspected:
    head = source.open("rb").read(8)
    content = folder / "content"
    if not head:
        raise Refused("file_empty", 422)
    source.rename(content)
    if head.startswith(b"\x89PNG"):
        thumb = folder / "thumb"
        thumb.write_bytes(content.read_bytes())
        return Inspected("image/png", "image", name, content, thumb, 1, 1)
    if head.startswith(b"%PDF"):
        return Inspected("application/pdf", "file", name, content, None, None, None)
    if head.startswith(b"<"):
        raise Refused("file_type_not_allowed", 415)
    return Inspected("text/plain", "file", name, content, None, None, None)
