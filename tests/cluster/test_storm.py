"""The recorder of the reliability kit over two nodes, while the broker between them breaks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.acceptance.checker import Floor
from tests.acceptance.clients import Run
from tests.acceptance.history import History
from tests.acceptance.records import now
from tests.acceptance.storm import Client, rage, report, usual_crew
from tests.cluster.brokers import Mend
from tests.cluster.conftest import Nodes
from tests.harness.server import Pair

SCALE = float(os.environ.get("TC_CHAOS") or 0)
SHORT = {"cut": 1.0, "freeze": 7.0, "kill": 2.0, "partition": 3.0}
"""Seconds of each outage. Deafness is noticed after six."""
PAUSE_SECONDS = 1.0
CHATS = 2
QUIET_SECONDS = 60.0
"""Within which every device has everything: some look, once all is mended, of a slow machine."""


def test_no_promise_breaks_with_the_broker(
    nodes: Nodes,
    take: Callable[[int], list[Pair]],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    outages: list[tuple[str, float, float]] = []

    def crew(run: Run, pairs: list[Pair]) -> list[Client]:
        """Half of them there: of each chat, both people have devices on both nodes."""
        here = usual_crew(run, pairs, pace=0.06)
        there = usual_crew(replace(run, base=nodes.other.base), pairs, pace=0.06)
        return [there[n] if n % 4 in (1, 2) else client for n, client in enumerate(here)]

    async def break_it(run: Run) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        for how in nodes.broker.outages:
            mend: Mend = await asyncio.to_thread(nodes.broker.breaks, how)
            began = now()
            run.history.kills.append((began, how))
            try:
                await asyncio.sleep(30.0 * SCALE or SHORT[how])
            finally:
                await asyncio.to_thread(mend)
            outages.append((how, began, now()))
            await asyncio.sleep(PAUSE_SECONDS)

    history, violations = rage(
        nodes.one.base, take(CHATS), seed=seed, faults=break_it, crew=crew,
        floor=Floor(100, len(nodes.broker.outages), 10), quiet_seconds=QUIET_SECONDS,
    )  # fmt: skip
    told = [
        f"{how} for {ended - began:.0f} s: {_sends(history, began, ended)}"
        for how, began, ended in outages
    ]
    said = f"{nodes.engine}: {'; '.join(told)}; {history.tally()}"
    record_property("measured", said)
    print(said)  # noqa: T201
    assert not violations, report(history, violations, seed)
    for how, began, ended in outages:
        assert _acked(history, began, ended), f"nothing was acknowledged while it was {how}"
    for node in nodes:
        assert "Traceback" not in node.log_text()
    if nodes.broker.missing:
        pytest.skip(f"all others passed; {nodes.broker.missing}")


def _acked(history: History, began: float, ended: float) -> list[float]:
    """How long each send took that was asked for meanwhile, and acknowledged."""
    return [
        s.answered - s.asked
        for s in history.sendings
        if s.outcome == "acked" and s.answered is not None and began <= s.asked < ended
    ]


def _sends(history: History, began: float, ended: float) -> str:
    took = _acked(history, began, ended)
    return f"{len(took)} acked, the slowest in {max(took, default=0):.2f} s"
