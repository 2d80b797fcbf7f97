"""The child process: started, bounded, heard, and gone before this returns."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

import msgspec

from therapyconnect.attachments.inspection.limits import AT_ONCE, LIMITS, Limits
from therapyconnect.attachments.inspection.message import (
    BROKEN,
    MAX_MESSAGE,
    READY,
    Message,
    Stopped,
    decode,
)

_CHILD: Final = Path(__file__).with_name("child.py")
_turns = threading.BoundedSemaphore(AT_ONCE)


class InspectionBroken(RuntimeError):
    """The child never got as far as the file: the installation's fault, not the file's."""


def judge(source: Path, folder: Path, *, limits: Limits = LIMITS) -> Message | None:
    """What the child says of the file at `source`; None where it was ended, or broke down.

    A fresh interpreter, not a fork: it has none of the server's memory, keys, environment or
    sockets. The file is its standard input, so that it need open nothing by a path from outside.
    """
    with _turns, source.open("rb") as file:
        process = subprocess.Popen(  # noqa: S603  our own file, no shell
            [sys.executable, "-I", str(_CHILD), msgspec.json.encode(limits).decode()],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"LC_ALL": "C.UTF-8", "TMPDIR": str(folder)},
            start_new_session=True,
        )
        try:
            said = _hear(process, time.monotonic() + limits.wall_seconds)
        finally:
            # Before it is waited for: until then its number, and its group's, can't be another's.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if said is not None and not said.startswith(READY):
        raise InspectionBroken("the inspection's process did not start")
    message = None if said is None else decode(said[len(READY) :])
    if isinstance(message, Stopped) and message.code == BROKEN:
        raise InspectionBroken("a library of the inspection can't be loaded")
    return message


def _hear(process: subprocess.Popen[bytes], end: float) -> bytes | None:
    """All that it says until it closes; None where it says too much or takes too long."""
    assert process.stdout is not None
    fd, said = process.stdout.fileno(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            piece = os.read(fd, MAX_MESSAGE)
            if not piece:
                return said
            said += piece
            if len(said) > MAX_MESSAGE:
                return None
    return None
