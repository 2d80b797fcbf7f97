"""The way in: runs the inspection of one file in a process of its own."""

from __future__ import annotations

from pathlib import Path

from therapyconnect.attachments.inspection.outcome import Inspected


def inspect(source: Path, *, name: str, declared_type: str, folder: Path) -> Inspected:
    """What the file at `source` truly is, made fit to hand on; raises `Refused`.

    All work on its bytes is done by a child process with bounded time and memory, whose working
    folder is `folder`: an existing, empty folder of this file alone. Blocks for up to its time
    limit.
    """
    raise NotImplementedError
