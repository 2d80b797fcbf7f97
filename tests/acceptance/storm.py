"""A storm: many clients on several chats for a while, and faults meanwhile; then a quiet end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

import httpx

from tests.acceptance.checker import Floor, Violation, check
from tests.acceptance.clients import RestClient, Run, person
from tests.acceptance.devices import Device
from tests.acceptance.finals import TLS, Final, read_final, read_last_seq
from tests.acceptance.history import History
from tests.acceptance.leavers import Leaver
from tests.acceptance.outsiders import Outsider
from tests.harness.server import Pair

Client = RestClient | Device | Leaver
Crew = Callable[[Run, list[Pair]], list[Client]]
Faults = Callable[[Run], Coroutine[Any, Any, None]]

SIDES = ("therapist", "patient")
KINDS: tuple[Literal["chat", "user"], ...] = ("chat", "user")
READY_SECONDS = 60.0
REST_SECONDS = 0.3
LONGEST_SECONDS = float(os.environ.get("TC_LONGEST_SECONDS") or 600)
"""So long after its end a run has failed, whatever it waits for."""


def usual_crew(
    run: Run, pairs: list[Pair], *, pace: float = 0.1, leave: float = 2.0
) -> list[Client]:
    """All of a chat, and those who must get nothing of it."""
    return insiders(run, pairs, pace=pace) + guests(run, pairs, leave=leave)


def insiders(run: Run, pairs: list[Pair], *, pace: float = 0.1) -> list[Client]:
    """For each chat: both people over REST and over both kinds of socket, who send and amend, and
    two that only listen.
    """
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


def guests(run: Run, pairs: list[Pair], *, leave: float = 2.0) -> list[Client]:
    """Of each chat outsiders, who are people of another one, and a device whose session ends."""
    crew: list[Client] = []
    for n, pair in enumerate(pairs):
        for own in [*pairs[n + 1 :], *pairs[:n]]:
            sides = [side for side in SIDES if not shares(own, side, pair)]
            crew += [Outsider(run, f"outside-{side[0]}{n}", own, side, pair) for side in sides]
            if sides:
                break
        side, kind = SIDES[n % 2], KINDS[n // 2 % 2]
        crew.append(Leaver(run, f"leaver-{n}", pair, side, kind, pause=leave))
    return crew


def shares(own: Pair, side: str, pair: Pair) -> bool:
    """Whether a person of one pair is in the other's chat too."""
    return person(own, side)[0] in (pair.therapist_id, pair.patient_id)


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
    for pair in pairs:
        run.begins[pair.chat_id] = await asyncio.to_thread(read_last_seq, run.base, pair)
    clients = crew(run, pairs)
    lives = [asyncio.create_task(client.live()) for client in clients]
    try:
        await asyncio.gather(asyncio.sleep(seconds), *([faults(run)] if faults is not None else []))
        run.stop.set()
        await asyncio.gather(
            *(life for life, client in zip(lives, clients) if not isinstance(client, Device)),
            *(client.settle() for client in clients if isinstance(client, Device)),
        )
        await asyncio.to_thread(_wait_ready, run.base)
        run.ends.update(await _at_rest(run.base, pairs))
        run.settled.set()
        await asyncio.gather(*lives)
    finally:
        for life in lives:
            life.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


def until(floor: Floor, longest: float = 90.0) -> Faults:
    """No fault, but time: a run goes on until it holds enough, however busy the machine is."""

    async def wait(run: Run) -> None:
        end = time.monotonic() + longest
        while not floor.reached(run.history) and time.monotonic() < end:
            await asyncio.sleep(0.1)

    return wait


async def _at_rest(base: str, pairs: list[Pair]) -> dict[str, int]:
    """Each chat's `last_seq`, once what was given up by its client has been done, or has not."""
    before: dict[str, int] = {}
    while True:
        now = {pair.chat_id: await asyncio.to_thread(read_last_seq, base, pair) for pair in pairs}
        if now == before:
            return now
        before = now
        await asyncio.sleep(REST_SECONDS)


def read_finals(run: Run, pairs: list[Pair], base: str | None = None) -> list[Final]:
    return [read_final(base or run.base, pair, run.begins.get(pair.chat_id, 0)) for pair in pairs]


def judge(run: Run, pairs: list[Pair], floor: Floor, *, base: str | None = None) -> list[Violation]:
    """What the checker finds, by the state that REST shows now."""
    return check(run.history, read_finals(run, pairs, base), floor)


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
    running = storm(run, pairs, seconds=seconds, crew=crew, faults=faults)
    asyncio.run(_bounded(running, seconds + LONGEST_SECONDS))
    return run.history, judge(run, pairs, floor or Floor())


async def _bounded(running: Coroutine[Any, Any, None], seconds: float) -> None:
    async with asyncio.timeout(seconds):
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
            if httpx.get(f"{base}/health/ready", timeout=5, verify=TLS).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{base} did not become ready again")
