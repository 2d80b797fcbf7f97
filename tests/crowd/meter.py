"""What a crowd costs the server: its memory and CPU, and how long its loop makes others wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.meter import Meter
from tests.harness.server import LiveServer

MIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in KiB: now, and the most it ever was."""

    now: int
    most: int


def memory_of(server: LiveServer) -> Memory:
    found = {}
    for line in Path(f"/proc/{pid_of(server)}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in ("VmRSS", "VmHWM"):
            found[name] = int(rest.split()[0])
    return Memory(found["VmRSS"], found["VmHWM"])


def forget_peak(server: LiveServer) -> None:
    """Let `most` begin anew from what is resident now."""
    Path(f"/proc/{pid_of(server)}/clear_refs").write_text("5")


def cpu_seconds(server: LiveServer) -> float:
    """Of the server's process with its threads, not of PostgreSQL."""
    return Meter(pid_of(server), pid_of(server)).read().app


def pid_of(server: LiveServer) -> int:
    assert server.process is not None
    return server.process.pid


def rank(seconds: Sequence[float], percent: int) -> float:
    """A percentile in milliseconds; 0 of nothing."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0


@dataclass
class Pulse:
    """How long `/health/live`, which asks nobody, takes on a connection of its own."""

    took: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def worst(self) -> float:
        return rank(self.took, 100)


@asynccontextmanager
async def feel_pulse(server: LiveServer, every: float = 0.05) -> AsyncIterator[Pulse]:
    pulse = Pulse()
    feeling = asyncio.create_task(_feel(server, pulse, every))
    try:
        yield pulse
    finally:
        feeling.cancel()
        with suppress(asyncio.CancelledError):
            await feeling


async def _feel(server: LiveServer, pulse: Pulse, every: float) -> None:
    request = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            try:
                while True:
                    began = time.perf_counter()
                    writer.write(request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    if b" 200 " not in head.split(b"\r\n", 1)[0]:
                        raise AssertionError(head)
                    await reader.readuntil(b"\r\n0\r\n\r\n")  # it comes in chunks
                    pulse.took.append(time.perf_counter() - began)
                    await asyncio.sleep(every)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError):
            pulse.failed += 1
            await asyncio.sleep(every)
