"""Waiting for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def when(condition: Callable[[], T], seconds: float = 60) -> T:
    """What `condition` answers, once that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"it did not happen in {seconds} s")


def runs(pid: int) -> bool:
    """Whether a process of that number is alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def told_pid(file: Path) -> int:
    """The process that wrote its number into `file`, once it did."""
    return int(when(lambda: file.exists() and file.read_text()))
