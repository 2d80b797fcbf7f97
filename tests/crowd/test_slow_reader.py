"""G12: one of two hundred stops reading: nobody else waits for it, and it costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

import uvloop

from tests.crowd.conftest import CHAOS, Supply
from tests.crowd.kernel import held_for
from tests.crowd.meter import MIB, forget_peak, memory_of, rank
from tests.crowd.writers import Hearer, Times, Writer, opened, running
from tests.harness.server import LiveServer, Pair

PAIRS = 100
EVERY = 1.0
ROUNDS, ROUND_SECONDS = (3, 10.0) if CHAOS else (1, 4.0)
# Below twice of what it was without; where a machine is busy, noise is more than that.
FLOOR_MS = 250.0 if CHAOS else 2_000.0
CLOSED_SECONDS = 10.0
SLACK_SECONDS = 5.0
"""For a busy machine; what was seen is told."""
GROWTH_MIB = 16
# 20 kB a frame, 20 a second: what a reader's kernel takes is full within seconds.
LONG = "A long letter. " * 600
LONGEST = "\N{SEEDLING}" * 10_000
FLOODING = 16

Measured = Callable[[str], None]


def test_a_stalled_reader_of_two_hundred(
    crowded: LiveServer, supply: Supply, measured: Measured
) -> None:
    measured(uvloop.run(_compare(crowded, supply.take(PAIRS), LONG, in_flight=1, every=0.05)))


def test_a_stalled_reader_that_is_flooded(
    crowded: LiveServer, supply: Supply, measured: Measured
) -> None:
    """By its partner, with the longest messages that are allowed, as fast as they are taken."""
    measured(uvloop.run(_compare(crowded, supply.take(PAIRS), LONGEST, in_flight=FLOODING)))


async def _compare(
    server: LiveServer, pairs: Sequence[Pair], text: str, *, in_flight: int, every: float = 0.0
) -> str:
    """What was measured of all others, in turns with a reader that reads and one that stalls."""
    calm, stalled, partners = Times(), Times(), Times()
    grown, held, codes = [], [], []
    async with AsyncExitStack() as stack:
        writers = [await opened(Writer(server, pair, calm), server) for pair in pairs[1:]]
        for pair, writer in zip(pairs[1:], writers):
            await opened(Hearer(server, pair, writer), server)
        partner = await opened(Writer(server, pairs[0], partners), server)
        await stack.enter_async_context(
            running(*(writer.write_on("As every day.", EVERY) for writer in writers))
        )
        await stack.enter_async_context(
            running(*(partner.write_on(text, every) for _ in range(in_flight)))
        )
        before = memory_of(server).now
        for _ in range(ROUNDS):
            reader = await opened(Hearer(server, pairs[0], partner), server, receive_buffer=4096)
            forget_peak(server)
            await _during(writers, calm, asyncio.sleep(ROUND_SECONDS))
            usual = memory_of(server).most
            forget_peak(server)
            port = reader.stall()
            ending = held_for(server.port, port, at_most=60 + ROUND_SECONDS)
            _, seconds = await _during(writers, stalled, asyncio.sleep(ROUND_SECONDS), ending)
            held.append(seconds)
            grown.append(memory_of(server).most - usual)
            reader.read_on()
            async with asyncio.timeout(10):
                while not reader.ended:
                    await asyncio.sleep(0.02)
            codes.append(reader.code)
        after = memory_of(server).now
        assert not any(one.ended for one in (*writers, partner))
    assert not calm.refused
    assert not stalled.refused
    assert set(codes) <= {1013, None}
    assert max(held) < CLOSED_SECONDS + SLACK_SECONDS
    assert max(grown) < GROWTH_MIB * MIB
    for name in ("acks", "deliveries"):
        without, with_one = (rank(getattr(times, name), 99) for times in (calm, stalled))
        assert with_one < max(2 * without, FLOOR_MS), (name, without, with_one)
    return (
        f"one stalled of {2 * len(pairs)}, {len(text.encode())} bytes a message to it:"
        f" others' acks p50/p99 {_both(calm.acks)} ms without, {_both(stalled.acks)} with it,"
        f" deliveries {_both(calm.deliveries)} and {_both(stalled.deliveries)}"
        f" ({len(calm.acks)} and {len(stalled.acks)} messages);"
        f" closed {max(held):.1f} s after it took no more, with {codes};"
        f" memory {before / MIB:.0f} MiB before, {after / MIB:.0f} after,"
        f" peak {max(grown) / MIB:+.1f} MiB; partner's {len(partners.acks)} acks p99"
        f" {rank(partners.acks, 99):.0f} ms"
    )


async def _during(writers: Sequence[Writer], times: Times, *what: object) -> list[float]:
    for writer in writers:
        writer.times = times
    return await asyncio.gather(*what)  # type: ignore[call-overload,no-any-return]


def _both(seconds: Sequence[float]) -> str:
    return f"{rank(seconds, 50):.0f}/{rank(seconds, 99):.0f}"
