"""The product, but for one thing: it is killed at a named step of an attachment's life.

`python -m tests.attachments.killed STEP run` is a server that dies with SIGKILL as it comes to STEP
for the first time; each step is a function of the product, stopped before or after its work.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django
from django.core.management import execute_from_command_line


def _die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _before(owner: Any, name: str) -> None:
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, _die)


def _after(owner: Any, name: str, nth: int = 1) -> None:
    work: Callable[..., Any] = getattr(owner, name)
    done = 0

    def work_and_die(*args: Any, **how: Any) -> Any:
        nonlocal done
        result = work(*args, **how)
        done += 1
        if done == nth:
            _die()
        return result

    setattr(owner, name, work_and_die)


def _after_awaited(owner: Any, name: str) -> None:
    work = getattr(owner, name)

    async def work_and_die(*args: Any, **how: Any) -> None:
        await work(*args, **how)
        _die()

    setattr(owner, name, work_and_die)


def arm(step: str) -> None:
    from therapyconnect.attachments import storage
    from therapyconnect.attachments.services import receiving, removing, scanning
    from therapyconnect.messaging.services import attaching, batch

    {
        "received": lambda: _before(receiving, "inspect"),
        "inspected": lambda: _after(receiving, "inspect"),
        "noted": lambda: _after(receiving, "note"),
        "half stored": lambda: _before(storage.DurableFolder, "exists"),
        "content stored": lambda: _after(receiving, "store", 1),
        "thumbnail stored": lambda: _after(receiving, "store", 2),
        "marked": lambda: _after(receiving, "mark_scanning"),
        "judged": lambda: _after(scanning, "_judge"),
        "settled": lambda: _after(scanning, "settle"),
        "answered": lambda: _before(attaching, "tell"),
        "before the commit": lambda: _before(batch, "_write"),
        "after the commit": lambda: _after_awaited(batch, "_write"),
        "doomed": lambda: _before(removing, "_remove_one"),
        "object removed": lambda: _after(storage, "remove", 1),
        "objects removed": lambda: _after(storage, "remove", 2),
    }[step]()


STEPS_OF_AN_UPLOAD = (
    "received", "inspected", "noted", "half stored", "content stored", "thumbnail stored",
    "marked", "judged", "settled", "answered",
)  # fmt: skip
STEPS_OF_A_SEND = ("before the commit", "after the commit")
STEPS_OF_A_REMOVAL = ("doomed", "object removed", "objects removed")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")
    step, *command = sys.argv[1:]
    django.setup()
    arm(step)
    execute_from_command_line(["manage.py", *command])
