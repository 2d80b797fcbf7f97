"""A storm: many clients on several chats for a while, and faults meanwhile; then a quiet end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.checker import Floor, Violation, check
from tests.acceptance.clients import RestClient, Run
from tests.acceptance.devices import Device
from tests.acceptance.finals import Final, read_final
from tests.acceptance.history import History
from tests.harness.server import Pair

Client = RestClient | Device
Crew = Callable[[Run, list[Pair]], list[Client]]
Faults = Callable[[Run], Coroutine[Any, Any, None]]

READY_SECONDS = 60.0
LONGEST_SECONDS = float(os.environ.get("TC_LONGEST_SECONDS") or 600)
"""After which a run has failed, whatever it waits for."""


def usual_crew(run: Run, pairs: list[Pair], *, pace: float = 0.1) -> list[Client]:
    """For each chat: both people over REST and over both kinds of socket; two that only listen."""
    crew: list[Client] = []
    for n, pair in enumerate(pairs):
        one = [pair]
        crew += [
            RestClient(run, f"rest-t{n}", pair, "therapist", pace=4 * pace),
            RestClient(run, f"rest-p{n}", pair, "patient", pace=4 * pace),
            Device(run, f"chat-t{n}", one, "therapist", "chat", pace=pace, receipts=True),
            Device(run, f"user-p{n}", one, "patient", "user", pace=pace, receipts=True),
            Device(run, f"short-t{n}", one, "therapist", "user", lives=(0.0, 2.0)),
            Device(run, f"short-p{n}", one, "patient", "chat", lives=(0.0, 2.0)),
        ]
    return crew


async def storm(
    run: Run,
    pairs: list[Pair],
    *,
    seconds: float = 0.0,
    crew: Crew = usual_crew,
    faults: Faults | None = None,
) -> None:
    """Let the crew loose for `seconds`, or until the faults are through; then settle.

    What is recorded is in `run.history`.
    """
    clients = crew(run, pairs)
    lives = [asyncio.create_task(client.live()) for client in clients]
    try:
        await asyncio.gather(asyncio.sleep(seconds), *([faults(run)] if faults is not None else []))
        run.stop.set()
        await asyncio.gather(
            *(life for life, client in zip(lives, clients) if isinstance(client, RestClient)),
            *(client.settle() for client in clients if isinstance(client, Device)),
        )
        await asyncio.to_thread(_wait_ready, run.base)
        for final in await asyncio.to_thread(read_finals, run.base, pairs):
            run.ends[final.chat_id] = final.last_seq
        run.settled.set()
        await asyncio.gather(*lives)
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


def read_finals(base: str, pairs: list[Pair]) -> list[Final]:
    return [read_final(base, pair) for pair in pairs]


def judge(run: Run, pairs: list[Pair], floor: Floor, *, base: str | None = None) -> list[Violation]:
    """What the checker finds, by the state that REST shows now."""
    return check(run.history, read_finals(base or run.base, pairs), floor)


def rage(
    base: str,
    pairs: list[Pair],
    *,
    seconds: float = 0.0,
    seed: int,
    crew: Crew = usual_crew,
    faults: Faults | None = None,
    floor: Floor | None = None,
    **settings: Any,
) -> tuple[History, list[Violation]]:
    """A whole run from a test: storm, quiet end, verdict."""
    run = Run(base, History(), seed, **settings)
    asyncio.run(_bounded(storm(run, pairs, seconds=seconds, crew=crew, faults=faults)))
    return run.history, judge(run, pairs, floor or Floor())


async def _bounded(running: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(LONGEST_SECONDS):
        await running


def report(history: History, violations: list[Violation], seed: int) -> str:
    """What a failing test prints; with `TC_DUMP=FOLDER` the whole history is kept there."""
    if folder := os.environ.get("TC_DUMP"):
        history.dump(Path(folder) / f"history-{seed}.jsonl")
    lines = [f"seed {seed}: {history.tally()}; {len(violations)} violations"]
    lines += [f"  {v.what:<15} {v.where} {v.detail}" for v in violations[:25]]
    return "\n".join(lines)


def _wait_ready(base: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            if httpx.get(f"{base}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{base} did not become ready again")
