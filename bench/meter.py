"""CPU time and memory of processes, read from `/proc`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Seconds of CPU, user and system, of the application and of PostgreSQL."""

    app: float
    postgres: float

    def since(self, earlier: Usage) -> Usage:
        return Usage(self.app - earlier.app, self.postgres - earlier.postgres)


@dataclass(frozen=True)
class Meter:
    """`app` is one process with its threads (0: none), `postgres` the postmaster."""

    app: int
    postgres: int

    def read(self) -> Usage:
        return Usage(_own_seconds(self.app) if self.app else 0.0, _tree_seconds(self.postgres))


def rss_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _own_seconds(pid: int) -> float:
    return sum(_times(pid)[:2]) / _TICK


def _tree_seconds(pid: int) -> float:
    """A process, its living children, and those it has already reaped."""
    ticks = sum(_times(pid))
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        try:
            ticks += sum(_times(int(child))[:2])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return ticks / _TICK


def _times(pid: int) -> tuple[int, int, int, int]:
    """utime, stime, cutime, cstime in ticks."""
    # The name in the second field may hold anything, even a bracket.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12]), int(fields[13]), int(fields[14])
