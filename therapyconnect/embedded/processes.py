"""Processes seen through /proc, and the few system calls that the standard library lacks."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1

# Loaded at import: after a fork nothing may be loaded any more.
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(sig: int) -> None:
    """Have the kernel send `sig` to this process when its parent dies.

    Survives exec, but not a change of user or namespace: call it after those.
    """
    if _libc.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def enter_user_namespace() -> None:
    """Move this process into a user namespace without a mapping.

    Root's files stay its own there, but it is no longer seen as root and has none of root's
    powers, which is what PostgreSQL asks for. Raises OSError where the system refuses it.
    """
    if _libc.unshare(_CLONE_NEWUSER) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unshare(CLONE_NEWUSER): {os.strerror(code)}")


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same pid by its start time."""

    pid: int
    started: int  # clock ticks since boot

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The living process with this pid; None for none, or one that only waits to be reaped."""
        stat = _stat(pid)
        if stat is None or stat[0] in "ZX":
            return None
        return cls(pid, int(stat[19]))

    def alive(self) -> bool:
        return Process.of(self.pid) == self

    def send(self, sig: int) -> None:
        """Signal it; nothing happens when it is gone."""
        if self.alive():
            try:
                os.kill(self.pid, sig)
            except ProcessLookupError:
                return

    def parent(self) -> int:
        stat = _stat(self.pid)
        return int(stat[1]) if stat is not None else 0


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on (the name before it may hold anything)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def servers_in(cluster: Path) -> list[Process]:
    """Every living process of a PostgreSQL server on `cluster`, the postmasters first.

    A server works in its data folder, so its current folder tells it from everything else, pid
    files and reused pids notwithstanding.
    """
    try:
        wanted = cluster.stat()
    except FileNotFoundError:
        return []
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            where = os.stat(f"/proc/{name}/cwd")
            if (where.st_dev, where.st_ino) != (wanted.st_dev, wanted.st_ino):
                continue
            # "(deleted)" follows when the programs were installed anew under a running server.
            program = Path(os.readlink(f"/proc/{name}/exe").removesuffix(" (deleted)")).name
        except OSError:
            continue
        process = Process.of(int(name))
        if program == "postgres" and process is not None:
            found.append(process)
    pids = {process.pid for process in found}
    return sorted(found, key=lambda process: process.parent() in pids)


def stop_servers(cluster: Path, steps: Iterable[tuple[signal.Signals, float]]) -> bool:
    """Stop every server on `cluster`: each step's signal, then its seconds of patience.

    Returns whether all are gone. Signals go to the postmasters, and once those are gone, or for
    SIGKILL, to what is left of them.
    """
    for sig, patience in steps:
        deadline = time.monotonic() + patience
        signalled: set[Process] = set()
        while True:
            found = servers_in(cluster)
            if not found:
                return True
            pids = {process.pid for process in found}
            for process in found:
                head = process.parent() not in pids
                if (head or sig == signal.SIGKILL) and process not in signalled:
                    signalled.add(process)
                    process.send(sig)
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
    return not servers_in(cluster)
