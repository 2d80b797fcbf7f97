"""A twin as a `LiveServer`: forked from a process that has imported already what takes long."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from subprocess import TimeoutExpired
from typing import Any

from tests.acceptance.twins.__main__ import main
from tests.harness.server import LiveServer

PRELOADED = [
    "icalendar",
    "structlog",
    "msgspec",
    "psycopg_pool",
    "jwt",
    "uvloop",
    "uvicorn",
    "django.core.management",
    "django.contrib.admin.options",
    "django.db.backends.postgresql.base",
    "yaml",
    "fido2.server",
]
"""Nothing that looks at the settings: each twin has its own."""


class Forked:
    """What `LiveServer` needs of a process."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        process.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise TimeoutExpired("twin", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


class TwinServer(LiveServer):
    """One server with a defect."""

    def __init__(self, data: Path, defect: str, **settings: Any) -> None:
        super().__init__(data, **settings)
        self._defect = defect

    def start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        twin = context.Process(target=_become, args=(self._defect, self.env, str(self.log)))
        self.process = Forked(twin)  # type: ignore[assignment]  # as much of a Popen as is asked
        self.wait_ready()


def _become(defect: str, env: dict[str, str], log: str) -> None:
    """In the child: the process that `python -m tests.acceptance.twins DEFECT` would be."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(out, stream)
    sys.argv = ["twin", defect]
    sys.exit(main())
