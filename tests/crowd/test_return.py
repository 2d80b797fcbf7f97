"""All sockets come back at once, after a crash of the server or of the line: nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import uvloop

from tests.crowd.conftest import CHAOS, Supply
from tests.crowd.member import Member, Tally
from tests.crowd.meter import MIB, cpu_seconds, feel_pulse, forget_peak, memory_of, rank
from tests.crowd.writers import writing
from tests.harness.server import LiveServer, Pair

SOCKETS = int(10_000 * CHAOS) if CHAOS else 1_000
WRITERS = 10
JITTER_SECONDS = 5.0 if CHAOS else 0.5
"""What a client spreads its first try over: as short as a client that was told of jitter may."""
BACK_SECONDS = 600.0 if CHAOS else 120.0
AT_ONCE_AT_FIRST = 100
# 503 says when to come again, and a server that is not there refuses; a reset says nothing.
HONEST = {"503", "refused", "1001", "unavailable"}


Measured = Callable[[str], None]
Blow = Callable[[], Awaitable[None]]


def test_all_come_back_at_once(
    crowded: LiveServer, supply: Supply, need_files: Callable[[int], None], measured: Measured
) -> None:
    """After the server was killed; then after the line to all of them was cut."""
    need_files(SOCKETS + 500)
    pairs = supply.take(SOCKETS // 2 + WRITERS)
    uvloop.run(_two_storms(crowded, pairs, measured))


async def _two_storms(server: LiveServer, pairs: Sequence[Pair], measured: Measured) -> None:
    tally = Tally()
    crowd, apart = pairs[WRITERS:], pairs[:WRITERS]
    members = [
        Member(server, pair, tally, therapist=therapist)
        for pair in crowd
        for therapist in (True, False)
    ]

    async def kill() -> None:
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

    async def cut() -> None:
        for member in members:
            member.cut()

    empty = memory_of(server).now
    await _come_slowly(members)
    idle = (memory_of(server).now - empty) / len(members)
    measured(f"{len(members)} idle sockets: {idle:.1f} KiB each")
    measured("server killed: " + await _storm(server, members, apart, kill))
    measured("line cut: " + await _storm(server, members, apart, cut))
    for member in members:
        member.stays = False
        member.cut()
    assert {member.cursor for member in members} == {2}
    assert {tuple(member.heard.values()) for member in members} == {(1, 1)}


async def _storm(
    server: LiveServer, members: Sequence[Member], apart: Sequence[Pair], blow: Blow
) -> str:
    """What was measured of a crowd that is struck by `blow` in the middle of a round of messages.

    Each therapist had sent one, and whether it was committed nobody knows: they come back, resume
    from where they were, and send it again with its id where they did not hear it.
    """
    tally = members[0].tally
    for member in members:
        member.await_message(f"after-{member.cursor}-{member.chat_id}")
        member.stays = False
    for member in members[::2]:
        member.to_send = member.awaited
        member.send()
    await blow()
    for member in members:
        member.stays = True
        member.settled.clear()
    tally.begin()
    forget_peak(server)
    used = cpu_seconds(server)
    async with feel_pulse(server) as pulse, writing(server, apart) as times:
        coming = [asyncio.create_task(member.come(JITTER_SECONDS)) for member in members]
        async with asyncio.timeout(BACK_SECONDS):
            await asyncio.gather(*coming)
            await asyncio.gather(*(member.settled.wait() for member in members))
        back = tally.now()
    used, memory = cpu_seconds(server) - used, memory_of(server)
    faults = [(member.user_id, member.faults) for member in members if member.faults]
    assert not faults, faults[:5]
    assert set(tally.met) <= HONEST, tally.met
    assert not tally.without_advice
    assert times.acks
    assert set(times.refused) <= {"unavailable", "overloaded"}
    assert pulse.took
    return (
        f"{len(members)} sockets within {JITTER_SECONDS:g} s: all resumed after {back:.1f} s"
        f" (p50 {rank(tally.resumed, 50) / 1000:.1f}, p99 {rank(tally.resumed, 99) / 1000:.1f});"
        f" met {dict(tally.met) or 'no refusal'}; others' acks p50/p99/max"
        f" {rank(times.acks, 50):.0f}/{rank(times.acks, 99):.0f}/{rank(times.acks, 100):.0f} ms"
        f" of {len(times.acks)}, refused {dict(Counter(times.refused)) or 'none'};"
        f" health p50/p99/max {rank(pulse.took, 50):.0f}/{rank(pulse.took, 99):.0f}"
        f"/{pulse.worst:.0f} ms; server CPU {used:.1f} s, memory {memory.now // MIB} MiB,"
        f" at most {memory.most // MIB}"
    )


async def _come_slowly(members: Sequence[Member]) -> None:
    """Before anything happens: a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE_AT_FIRST)

    async def come(member: Member) -> None:
        async with gate:
            await member.come(0)

    async with asyncio.timeout(BACK_SECONDS):
        await asyncio.gather(*(come(member) for member in members))
        await asyncio.gather(*(member.settled.wait() for member in members))
