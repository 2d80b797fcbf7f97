"""A live server whose `run` keeps several workers: who they are, and what one can do to them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.harness.server import LiveServer

BACK_SECONDS = 60.0


class Crew:
    def __init__(self, server: LiveServer) -> None:
        self.server = server

    @property
    def parent(self) -> int:
        assert self.server.process is not None
        return self.server.process.pid

    def workers(self) -> list[int]:
        """Process ids, oldest first."""
        children = Path(f"/proc/{self.parent}/task/{self.parent}/children").read_text().split()
        return [pid for pid in map(int, children) if b"worker" in _words(pid)]

    def renew(self) -> None:
        """Ask for it, and wait until every worker of now is gone and as many others serve."""
        before = set(self.workers())
        os.kill(self.parent, signal.SIGUSR1)
        wait_for(
            lambda: not before & set(self.workers()) and len(self.workers()) == len(before),
            BACK_SECONDS,
        )


def alive(pid: int) -> bool:
    with suppress(OSError):
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0]
    return False


def wait_for(what: Callable[[], object], seconds: float = BACK_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(0.05)


def _words(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return []
