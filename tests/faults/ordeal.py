"""An ordeal: a storm, a fault in the middle of it, its end, and the way back without hands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from tests.acceptance.checker import Floor
from tests.acceptance.clients import Run
from tests.acceptance.history import History
from tests.acceptance.records import now
from tests.acceptance.storm import insiders, rage, report
from tests.faults.witness import KINDS, Witness
from tests.harness.server import LiveServer, Pair

CALM_ACKS = 40
BACK_SECONDS = 90.0

Record = Callable[[str, object], None]


class Ordeal(NamedTuple):
    """What came of one; times in seconds of the recorder's clock."""

    history: History
    witness: Witness
    began: float
    ended: float
    back: float
    """From the fault's end until every chat had a new ack, and all that a witness asks was well."""


def endure(
    name: str,
    fault: Callable[[], object],
    *,
    server: LiveServer,
    pairs: list[Pair],
    seed: int,
    record: Record,
    damaged: bool = True,
    restarts: bool = False,
    settled: Callable[[], object] = lambda: None,
) -> Ordeal:
    """Run `fault` (it returns when the fault is over) in a thread while the recorder runs.

    `settled` returns when nothing of it goes on behind the scenes; the storm lasts until then.

    The first pair is the witness's. Fails where anything was lost, doubled, reordered or missed,
    where an answer was not the promised one or came too late, and where it did not come back.
    """
    witness = Witness(server, pairs[0], restarts=restarts)
    times: list[float] = []

    async def in_the_middle(run: Run) -> None:
        await _until(lambda: run.history.acks >= CALM_ACKS, "nothing was acked before the fault")
        async with witness:
            await asyncio.sleep(0.5)
            times.append(now())
            run.history.kills.append((times[0], name))
            await asyncio.to_thread(fault)
            times.append(now())
            # Before the storm ends: it is the clients' own asking that brings everything back.
            kinds = len(KINDS) - restarts

            def back() -> bool:
                acked = acks_after(run.history, times[1])
                return len(acked) == len(pairs) - 1 and len(witness.well_after(times[1])) == kinds

            await _until(back, f"not all was back {BACK_SECONDS:.0f} s after the end of: {name}")
            await asyncio.to_thread(settled)
            await asyncio.sleep(0.5)

    history, violations = rage(
        server.base,
        pairs[1:],
        seed=seed,
        # Without guests: a database that is away can neither end a session nor refuse a stranger.
        crew=partial(insiders, pace=0.1),
        faults=in_the_middle,
        floor=Floor(CALM_ACKS, 1, 6),
        quiet_seconds=60.0,
    )
    began, ended = times
    acks = {where: at - ended for where, at in acks_after(history, ended).items()}
    well = {what: at - ended for what, at in witness.well_after(ended).items()}
    back = max(*acks.values(), *well.values())
    done = Ordeal(history, witness, began, ended, back)
    measured = (
        f"{name}: lasted {ended - began:.1f} s; first ack {min(acks.values()):.2f} s after its end,"
        f" all back {back:.2f} s ({', '.join(f'{what} {at:.2f}' for what, at in well.items())});"
        f" {witness.tally()}; {history.tally()}"
    )
    record("measured", measured)
    print(measured)  # noqa: T201
    assert not violations, report(history, violations, seed)
    wrong = witness.verdict(damaged=damaged)
    assert not wrong, "\n".join(sorted(set(wrong))[:20])
    assert "Traceback" not in server.log_text()
    return done


def acks_after(history: History, moment: float) -> dict[str, float]:
    """chat -> when the first attempt was acked after `moment`."""
    first: dict[str, float] = {}
    for sending in reversed(history.sendings):
        if sending.outcome == "acked" and (sending.answered or 0.0) > moment:
            at = sending.answered or 0.0
            first[sending.chat_id] = min(at, first.get(sending.chat_id, at))
    return first


async def _until(what: Callable[[], bool], failure: str) -> None:
    end = now() + BACK_SECONDS
    while not what():
        assert now() < end, failure
        await asyncio.sleep(0.05)
