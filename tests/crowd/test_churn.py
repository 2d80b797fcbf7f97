"""Sockets come and go all day: the server stays as large as it was, and serves on meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import uvloop

from tests.crowd.conftest import CHAOS, Supply
from tests.crowd.member import Member, Tally
from tests.crowd.meter import MIB, cpu_seconds, memory_of
from tests.harness.server import LiveServer

PEOPLE = 500 if CHAOS else 100
CONNECTS = int(100_000 * CHAOS) if CHAOS else 1_000
ROUNDS = 10
AT_ONCE = 16
"""As many as the gate lets in at a time: none is refused."""
GROWTH_MIB = 12
"""Over the last half of the day; a leak of 1 kB a connect would be 50 MB."""
SECONDS = 1_200.0 if CHAOS else 90.0

Measured = Callable[[str], None]


def test_a_day_of_coming_and_going(crowded: LiveServer, supply: Supply, measured: Measured) -> None:
    """Each comes, resumes and vanishes, again and again: as many connects as a clinic has a day."""
    pairs = supply.take(PEOPLE // 2)
    tally = Tally()
    members = [
        Member(crowded, pair, tally, therapist=therapist)
        for pair in pairs
        for therapist in (True, False)
    ]
    measured(uvloop.run(_day(crowded, members)))


async def _day(server: LiveServer, members: Sequence[Member]) -> str:
    sizes = []
    each = CONNECTS // ROUNDS
    tally = members[0].tally
    used, began = cpu_seconds(server), time.perf_counter()
    async with asyncio.timeout(SECONDS):
        for _ in range(ROUNDS):
            await _come_and_go(members, each)
            sizes.append(memory_of(server).now / MIB)
    took, used = time.perf_counter() - began, cpu_seconds(server) - used
    count = each * ROUNDS
    assert not tally.met, tally.met
    faults = [(member.user_id, member.faults) for member in members if member.faults]
    assert not faults, faults[:5]
    assert sizes[-1] - sizes[ROUNDS // 2 - 1] < GROWTH_MIB, sizes
    return (
        f"{count} connects, {count / took:.0f} a second, {used / count * 1e6:.0f} µs of the server"
        f" each; memory after each tenth {' '.join(f'{size:.1f}' for size in sizes)} MiB"
    )


async def _come_and_go(members: Sequence[Member], count: int) -> None:
    """So many connects, each resumed before it vanishes, a few at a time."""
    left = iter(range(count))
    idle = list(members)

    async def visits() -> None:
        for _ in left:
            member = idle.pop(0)
            await member.come(0)
            await member.settled.wait()
            member.settled.clear()
            member.stays = False
            member.cut()
            idle.append(member)

    await asyncio.gather(*(visits() for _ in range(AT_ONCE)))
