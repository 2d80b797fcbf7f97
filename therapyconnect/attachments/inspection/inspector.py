"""The way in: runs the inspection of one file in a process of its own."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from therapyconnect.attachments.inspection.kinds import (
    EXTENSIONS,
    RUNNABLE,
    TYPES,
    UNDECLARED,
    FileType,
)
from therapyconnect.attachments.inspection.limits import MAX_FILE_BYTES, MAX_STORED_BYTES
from therapyconnect.attachments.inspection.message import Passed, Stopped
from therapyconnect.attachments.inspection.outcome import REFUSALS, Inspected, refusal
from therapyconnect.attachments.inspection.process import judge
from therapyconnect.attachments.names import clean_name, extension

CONTENT: Final = "content"
THUMBNAIL: Final = "thumbnail"


def inspect(source: Path, *, name: str, declared_type: str, folder: Path) -> Inspected:
    """What the file at `source` truly is, made fit to hand on; raises `Refused`.

    `InspectionBroken` is raised where the child can't work here at all: no verdict on the file.

    All work on its bytes is done by a child process with bounded time and memory, whose working
    folder is `folder`: an existing folder of this file alone. Blocks, for up to two minutes once
    its turn has come. After a refusal the folder holds nothing of the child's.
    """
    name = clean_name(name)
    _judge_name(name)
    size = source.stat().st_size
    if size == 0:
        raise refusal("empty_file")
    if size > MAX_FILE_BYTES:
        raise refusal("file_too_large")
    passed = False
    try:
        inspected = _inspect(source, name, declared_type, folder)
        passed = True
        return inspected
    finally:
        if not passed:
            _clear(folder)


def _inspect(source: Path, name: str, declared_type: str, folder: Path) -> Inspected:
    message = judge(source, folder)
    if message is None:
        raise refusal("too_complex")
    if isinstance(message, Stopped):
        raise refusal(message.code if message.code in REFUSALS else "too_complex")
    found = TYPES.get(message.content_type)
    if found is None:
        raise refusal("too_complex")
    _compare(found, name, declared_type)
    thumbnail = None
    if found.kind == "image":
        thumbnail = folder / THUMBNAIL
        if not (_written(folder / CONTENT) and _written(thumbnail) and _measured(message)):
            raise refusal("too_complex")
    else:
        _place(source, folder / CONTENT)
    return Inspected(
        content_type=found.content_type,
        kind=found.kind,
        name=name if extension(name) else clean_name(f"{name}.{found.extensions[0]}"),
        content=folder / CONTENT,
        thumbnail=thumbnail,
        width=message.width,
        height=message.height,
    )


def _judge_name(name: str) -> None:
    """What the name alone gives away."""
    parts = [part.strip().lower() for part in name.split(".")]
    if not RUNNABLE.isdisjoint(parts[1:-1]):
        raise refusal("deceptive_name")
    if (end := extension(name)) and end not in EXTENSIONS:
        raise refusal("unsupported_type")


def _compare(found: FileType, name: str, declared_type: str) -> None:
    declared = declared_type.partition(";")[0].strip().lower()
    if declared not in (*UNDECLARED, found.content_type, *found.aliases):
        raise refusal("type_mismatch")
    if (end := extension(name)) and end not in found.extensions:
        raise refusal("type_mismatch")


def _written(path: Path) -> bool:
    """Whether the child left a true, not too large file there, and no link to elsewhere."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and 0 < found.st_size <= MAX_STORED_BYTES


def _measured(message: Passed) -> bool:
    return message.width is not None and message.height is not None


def _place(source: Path, target: Path) -> None:
    """The file itself under another name where the file system can, else a copy."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _clear(folder: Path) -> None:
    for name in (CONTENT, THUMBNAIL):
        (folder / name).unlink(missing_ok=True)
