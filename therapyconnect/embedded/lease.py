"""`lease`: the one way in. Attaches to the folder's keeper, or starts it."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from . import lock, passwords
from .binaries import locate
from .control import Connection
from .errors import EmbeddedPostgresError, explain_os_error
from .folder import Folder, keep_owner
from .logfile import LogFile

logger = logging.getLogger("therapyconnect.embedded")

# The keeper stops the server within this, whatever happens.
_STOP_SECONDS = 90.0
_POLL_SECONDS = 0.05
_QUIET_SECONDS = 5.0  # after which a waiting user is told what it waits for


class Lease:
    """The server of one folder, in use until `release`; also a context manager.

    While it is held, a killed keeper is replaced and a killed server comes back, both within
    seconds and at the same URL; connections that were open then are lost.
    """

    def __init__(self, folder: Folder, connection: Connection, bin_dir: Path) -> None:
        self._folder = folder
        self._connection = connection
        self._owner = os.getpid()
        self._released = threading.Event()
        self._guard = threading.Lock()
        self.data = folder.data
        self.bin_dir = bin_dir
        known = passwords.read(folder)
        self.url = passwords.url(
            folder,
            user=passwords.APPLICATION,
            password=known.application,
            database=passwords.APPLICATION,
        )
        self.superuser_url = passwords.url(
            folder, user=passwords.SUPERUSER, password=known.superuser, database="postgres"
        )
        self._watcher = threading.Thread(
            target=self._watch, name="embedded-postgres-lease", daemon=True
        )
        self._watcher.start()

    def server_pid(self) -> int:
        """The postmaster's process id now. Raises `EmbeddedPostgresError` while there is none."""
        try:
            return int(self._folder.postmaster_pid.read_text().split("\n", 1)[0])
        except (OSError, ValueError) as error:
            raise EmbeddedPostgresError("The embedded PostgreSQL is not running.") from error

    def release(self) -> None:
        """Give it back; harmless when repeated. The last one returns when the server has stopped.

        In a child that was forked while the lease was held, nothing is given back: the lease is
        its parent's.
        """
        if os.getpid() != self._owner:
            return
        self._released.set()
        with self._guard:
            self._connection.bye()
        self._watcher.join(_STOP_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _watch(self) -> None:
        """Notice the keeper's death and attach to a new one."""
        while True:
            try:
                message = self._connection.read(None)
            except (OSError, ValueError):
                message = None
            if message is not None and message.state != "stopped":
                continue
            self._connection.close()
            # On purpose, by us or by an operator: leave it so. And never make a new, empty
            # database in place of one that was removed.
            if self._released.is_set() or message is not None or not self._folder.exists():
                return
            logger.warning("The embedded PostgreSQL lost its keeper; starting another.")
            while not self._reattach():
                if self._released.wait(1.0) or not self._folder.exists():
                    return

    def _reattach(self) -> bool:
        try:
            connection = _attach(self._folder, 30.0)
        except EmbeddedPostgresError as error:
            logger.warning("%s", error)
            return False
        with self._guard:
            self._connection = connection
            if self._released.is_set():
                connection.bye()
        return True


def lease(data: Path, *, wait_seconds: float = 120.0) -> Lease:
    """Make sure that the server on folder `data` runs, and hold it in use.

    The first call makes the folder and the database. Any number of processes may hold a lease on
    one folder; it has one server. Waits up to `wait_seconds`, and as long again after every sign
    that the recovery from a crash goes forward.

    Raises `EmbeddedPostgresError`.
    """
    folder = Folder.at(data)
    binaries = locate()
    return Lease(folder, _attach(folder, wait_seconds), binaries.bin_dir)


def _attach(folder: Folder, wait_seconds: float) -> Connection:
    """A connection to a keeper whose server is ready."""
    folder.prepare()
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection = Connection.open(str(folder.control_socket))
        except OSError:
            _start_keeper(folder, deadline)
        else:
            if _ready(connection, wait_seconds, deadline):
                return connection
        if time.monotonic() > deadline:
            raise _too_slow(folder, wait_seconds)
        time.sleep(_POLL_SECONDS)


def _ready(connection: Connection, patience: float, deadline: float) -> bool:
    """Wait on one keeper; False when it went away before its server was ready."""
    note = ""
    quiet_until = time.monotonic() + _QUIET_SECONDS
    kept = False
    try:
        while True:
            try:
                message = connection.read(max(0.01, min(deadline - time.monotonic(), 1.0)))
            except TimeoutError:
                if time.monotonic() > deadline:
                    return False
            except (OSError, ValueError):
                return False
            else:
                if message is None or message.state == "stopped":
                    return False
                if message.state == "failed":
                    raise EmbeddedPostgresError(message.note)
                if message.state == "ready":
                    kept = True
                    return True
                if message.note and message.note != note:
                    note = message.note
                    deadline = max(deadline, time.monotonic() + patience)
            if time.monotonic() > quiet_until:
                quiet_until = time.monotonic() + _QUIET_SECONDS
                logger.warning("Waiting for the embedded PostgreSQL: %s", note or "it is starting")
    finally:
        if not kept:
            connection.close()


def _start_keeper(folder: Folder, deadline: float) -> None:
    """Start a keeper if nobody holds the lock; returns when it listens.

    A held lock without a socket is a keeper that begins or ends: the caller tries again.
    """
    try:
        lock_fd = lock.take(folder)
        if lock_fd is None:
            return
        log_file = LogFile(folder.keeper_log)
        log_file.trim()
        before = log_file.size()
        listening, told = os.pipe()
    except OSError as error:
        raise explain_os_error(error, data=folder.data) from error
    package_root = Path(__file__).resolve().parents[2]
    search = [str(package_root), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        with log_file.append() as log:
            keep_owner(folder.keeper_log)
            starter = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "therapyconnect.embedded.keeper",
                    str(folder.data),
                    f"--lock-fd={lock_fd}",
                    f"--listening-fd={told}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**_without_secrets(), "PYTHONPATH": os.pathsep.join(search)},
                pass_fds=(lock_fd, told),
                start_new_session=True,  # a Ctrl-C in our terminal is not for it
            )
    finally:
        os.close(lock_fd)
        os.close(told)
    try:
        # It closes its end when it listens, and so does its death.
        _wait_for_end(listening, deadline)
        starter.wait()
    finally:
        os.close(listening)
    if not folder.control_socket.exists() and starter.returncode != 0:
        said = " | ".join(log_file.lines_since(before)[-3:])
        raise EmbeddedPostgresError(
            f"The keeper of the embedded PostgreSQL could not start ({folder.keeper_log}): {said}"
        )


def _wait_for_end(fd: int, deadline: float) -> None:
    select.select([fd], [], [], max(0.0, deadline - time.monotonic()))


def _too_slow(folder: Folder, seconds: float) -> EmbeddedPostgresError:
    lines = " | ".join(LogFile(folder.server_log).lines_since(0)[-3:])
    return EmbeddedPostgresError(
        f"PostgreSQL on {folder.data} was not ready within {seconds:g} seconds; "
        f"the end of {folder.server_log}: {lines or 'nothing'}"
    )


def _without_secrets() -> dict[str, str]:
    """This process's environment, save what the keeper has no business to know."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ("THERAPYCONNECT_KEYS", "DATABASE_URL")
    }
