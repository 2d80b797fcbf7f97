"""Faults: SIGKILL of the application, of PostgreSQL, of its children; at random, from a seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.acceptance.clients import Run
from tests.acceptance.history import History
from tests.acceptance.records import now
from tests.harness.server import LiveServer

BACK_SECONDS = 60.0


class Faults:
    """Kills what a `LiveServer` with an embedded PostgreSQL consists of."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.cluster = server.data / "postgres" / "cluster"

    def postmaster(self) -> int | None:
        """Its process id, by the file that PostgreSQL itself keeps; None while there is none."""
        with suppress(OSError, ValueError, IndexError):
            return int((self.cluster / "postmaster.pid").read_text().split()[0])
        return None

    def processes(self) -> list[int]:
        """The postmaster and its children: all that work in the cluster's folder."""
        wanted = os.path.realpath(self.cluster)
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit():
                with suppress(OSError):
                    if os.readlink(f"/proc/{name}/cwd") == wanted:
                        found.append(int(name))
        return found

    def kill_postmaster(self) -> bool:
        pid = self.postmaster()
        return pid is not None and _kill([pid])

    def kill_backend(self) -> bool:
        """One that serves the application; PostgreSQL then restarts all of them."""
        backends = [pid for pid in self.processes() if b"postgres: therapyconnect" in _title(pid)]
        return bool(backends) and _kill([random.choice(backends)])

    def kill_postgres(self) -> bool:
        """All of it at once, as the kernel does when memory runs out."""
        return _kill(self.processes())

    def kill_app(self) -> bool:
        self.server.kill()
        return True

    async def at_random(self, run: Run, *, apps: int, databases: int, acks: int) -> None:
        """That many kills in random order, spread over that many acks.

        Each comes after some acks since the last: the system has come back by itself, or was
        started again where it was the application that was killed.
        """
        share = acks // (apps + databases)
        dice = run.random("faults")
        kills: list[tuple[str, Callable[[], bool]]] = [("app", self.kill_app)] * apps
        # Most are of one backend: PostgreSQL then restarts itself, in the tenth of the time.
        kinds = [
            ("backend", self.kill_backend),
            ("postmaster", self.kill_postmaster),
            ("backend", self.kill_backend),
            ("postgres", self.kill_postgres),
            ("backend", self.kill_backend),
        ]
        kills += [kinds[n % len(kinds)] for n in range(databases)]
        dice.shuffle(kills)
        for name, kill in kills:
            await self._until_acked(run, dice.randint(share // 2, 3 * share // 2))
            await asyncio.sleep(dice.uniform(0.0, 0.5))
            while not await asyncio.to_thread(kill):
                await asyncio.sleep(0.05)
            run.history.kills.append((now(), name))
            if name == "app":
                await asyncio.sleep(dice.uniform(0.0, 0.5))
                await asyncio.to_thread(self.server.start)
        await self._until_acked(run, max(50, acks * 11 // 10 - run.history.acks))

    async def _until_acked(self, run: Run, more: int) -> None:
        """Until that many more attempts were acked: the system has come back by itself."""
        sendings = run.history.sendings
        since, end = now(), now() + BACK_SECONDS
        at, before = max(0, len(sendings) - 1000), 0
        while now() < end:
            acked = sum(
                1 for s in sendings[at:] if s.outcome == "acked" and (s.answered or 0) > since
            )
            if acked >= more:
                return
            if acked > before:
                before, end = acked, now() + BACK_SECONDS
            await asyncio.sleep(0.05)
        run.broke(f"nothing was acked for {BACK_SECONDS:.0f} s after a kill")


def recoveries(history: History) -> str:
    """Of each kind of kill, how long until something asked after it was acked: median and worst."""
    acks = sorted((s.asked, s.answered) for s in history.sendings if s.answered and s.told)
    took: dict[str, list[float]] = defaultdict(list)
    for at, name in history.kills:
        after = [answered for asked, answered in acks if asked > at]
        if after:
            took[name].append(min(after) - at)
    return ", ".join(
        f"{name} {statistics.median(times):.1f} s (worst {max(times):.1f})"
        for name, times in sorted(took.items())
    )


def wait_for(what: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        time.sleep(0.02)


def _kill(pids: list[int]) -> bool:
    killed = False
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            killed = True
    return killed


def _title(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""
