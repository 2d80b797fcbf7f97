"""One PostgreSQL server as a child of the keeper: start it, see how far it is, stop it."""

from __future__ import annotations

import re
import signal
import subprocess
from contextlib import suppress

from . import cluster
from .errors import EmbeddedPostgresError, explain
from .folder import SERVER_SOCKET, Folder
from .identity import Identity
from .logfile import LogFile
from .processes import servers_in, stop_servers

# Fast: ends sessions, writes a checkpoint. Immediate: the next start recovers. Then the kernel.
_STOP = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

# PostgreSQL 18 can hang for ever on a fast shutdown that meets the first moments of its own crash
# recovery: its checkpointer is never told. Ending sessions takes milliseconds, so no checkpoint
# begun after this long means that; once begun, it may take as long as the disk needs.
_CHECKPOINT_BEGINS_SECONDS = 5.0
_CHECKPOINT_ENDS_SECONDS = 60.0

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

        When that parent is killed, the kernel ends the server by an immediate shutdown, the one
        that always comes to an end; the next start recovers.
        """
        path = self._folder.cluster
        self.clear()
        cluster.configure(self._folder, self._identity, cluster=path)
        self.trim_log()
        self._log_start = self._log.size()
        with self._log.append() as log:
            self._child = subprocess.Popen(
                [self._identity.binaries.program("postgres"), "-D", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder.home,
                env=cluster.environment(),
                preexec_fn=self._identity.before_exec(signal.SIGQUIT),
            )

    def clear(self) -> None:
        """Stop whatever runs on the cluster, and remove what it left."""
        path = self._folder.cluster
        if not stop_servers(path, _STOP):
            raise EmbeddedPostgresError(
                f"A PostgreSQL server on {self._folder.data} cannot be stopped (processes "
                f"{', '.join(str(process.pid) for process in servers_in(path))})."
            )
        # No server works here, so its pid files are stale. PostgreSQL would take a reused pid in
        # one, or that of a dead process nobody reaped, for a live server and refuse to start.
        sockets = self._folder.server_socket_dir
        for stale in (
            self._folder.postmaster_pid,
            sockets / f"{SERVER_SOCKET}.lock",
            sockets / SERVER_SOCKET,
        ):
            stale.unlink(missing_ok=True)

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
        if self._child is not None and not self._stopped_fast(self._child):
            for sig, patience in _STOP[1:]:
                self._child.send_signal(sig)
                with suppress(subprocess.TimeoutExpired):
                    self._child.wait(patience)
                    break
        stop_servers(self._folder.cluster, _STOP[1:])

    def _stopped_fast(self, child: subprocess.Popen[bytes]) -> bool:
        from_here = self._log.size()
        child.send_signal(signal.SIGINT)
        for patience in (
            _CHECKPOINT_BEGINS_SECONDS,
            _CHECKPOINT_ENDS_SECONDS - _CHECKPOINT_BEGINS_SECONDS,
        ):
            with suppress(subprocess.TimeoutExpired):
                child.wait(patience)
                return True
            if not any("shutting down" in line for line in self._log.lines_since(from_here)):
                break
        return False

    def _said(self) -> list[str]:
        return self._log.lines_since(self._log_start)
