"""What the kernel holds of one connection: the bytes that its reader has not taken."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

ESTABLISHED = "01"
POLL_SECONDS = 0.05


def untaken(server_port: int, client_port: int) -> int | None:
    """Bytes in the server's send queue; None once the connection is no more than a remnant."""
    ours, theirs = f":{server_port:04X}", f":{client_port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if local.endswith(ours) and remote.endswith(theirs):
            return int(queues.split(":")[0], 16) if state == ESTABLISHED else None
    return None


async def held_for(server_port: int, client_port: int, *, at_most: float) -> float:
    """Seconds from the last byte that fitted into the queue until the server cut the connection."""
    end = time.monotonic() + at_most
    before, stuck = 0, time.monotonic()
    while (now := untaken(server_port, client_port)) is not None:
        if now != before:
            before, stuck = now, time.monotonic()
        assert time.monotonic() < end, f"still connected with {now} bytes not taken"
        await asyncio.sleep(POLL_SECONDS)
    return time.monotonic() - stuck
