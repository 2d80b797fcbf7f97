"""One inspection, and what it leaves: asked after each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from therapyconnect.attachments.inspection import Inspected, Refused, inspect
from therapyconnect.attachments.inspection.outcome import REFUSALS


@dataclass(frozen=True)
class Outcome:
    answer: str
    inspected: Inspected | None = None


def look(place: Path, data: bytes, *, name: str, declared_type: str) -> Outcome:
    """Inspect `data` as an upload in `place`. Whatever comes of it, the file is as it was, the
    child is gone, and there is nothing but what was promised."""
    source, folder = place / "upload", place / "work"
    source.unlink(missing_ok=True)
    source.write_bytes(data)
    folder.mkdir(exist_ok=True)
    try:
        found = inspect(source, name=name, declared_type=declared_type, folder=folder)
        outcome = Outcome("passes", found)
        wanted = {"content", "thumbnail"} if found.kind == "image" else {"content"}
        assert found.content == folder / "content"
        assert found.thumbnail == (folder / "thumbnail" if found.kind == "image" else None)
    except Refused as refused:
        outcome, wanted = Outcome(refused.code), set()
        status = refused.status
    else:
        status = None
    assert status == REFUSALS.get(outcome.answer)
    assert set(os.listdir(folder)) == wanted
    assert set(os.listdir(place)) == {"upload", "work"}
    assert source.read_bytes() == data
    assert children() == set()
    return outcome


def children(parent: int | None = None) -> set[int]:
    """Inspections that this process, or `parent`, has started and that are still there."""
    of = os.getpid() if parent is None else parent
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                started_by = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if int(started_by) == of and b"inspection/child.py" in command:
                found.add(int(entry.name))
    return found
