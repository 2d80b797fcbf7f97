"""G1, and all that a history shows: nothing acknowledged is lost, whatever is killed how often."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from tests.acceptance.checker import Floor
from tests.acceptance.clients import Run
from tests.acceptance.faults import Faults, recoveries
from tests.acceptance.storm import rage, report, usual_crew
from tests.harness.server import LiveServer, Pair

# TC_CHAOS=1 is the whole promise, 2 twice as much; the default fits into every test run.
SCALE = float(os.environ.get("TC_CHAOS") or 0)
APPS, DATABASES = (int(10 * SCALE), int(32 * SCALE)) if SCALE else (3, 18)
FLOOR = (
    # Few sessions: between two kills there is seldom time to log in, listen and log out.
    Floor(int(5_000 * SCALE), int(40 * SCALE), 100, changes=500, tries=500, revoked=3)
    if SCALE
    else Floor(3_000, 20, 40, changes=200, tries=200, revoked=3)
)
CHATS = 4
RUNS = 3 if SCALE else 1


@pytest.mark.parametrize("nth", range(RUNS))
def test_nothing_acknowledged_is_lost(
    nth: int,
    stack: LiveServer,
    stack_pairs: Iterator[Pair],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    seed += nth  # each run is another one
    pairs = list(islice(stack_pairs, CHATS))
    faults = Faults(stack)

    async def kill(run: Run) -> None:
        await faults.at_random(run, apps=APPS, databases=DATABASES, acks=FLOOR.acks)

    history, violations = rage(
        stack.base,
        pairs,
        seed=seed,
        crew=partial(usual_crew, pace=0.04),
        faults=kill,
        floor=FLOOR,
        ask_seconds=10.0,
        revoked_seconds=10.0,
    )
    if folder := os.environ.get("TC_DUMP"):
        shutil.copy(stack.log, Path(folder) / f"server-{seed}.log")
    said = f"seed {seed}: {history.tally()}; {len(violations)} violations"
    record_property("measured", f"{said}; acked again after a kill: {recoveries(history)}")
    print(history.tally())  # noqa: T201
    assert not violations, report(history, violations, seed)
    assert "Traceback" not in stack.log_text()
