"""The checker can fail: each broken rule is seen, and by the violation that it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from threading import Semaphore

import pytest

from tests.acceptance.clients import Run
from tests.acceptance.conftest import Mould
from tests.acceptance.records import now
from tests.acceptance.storm import Crew, Faults, guests, insiders, rage, report, usual_crew
from tests.harness.server import LiveServer

SECONDS = 2.5
CHATS = 2
AHEAD = 2
CREWS: dict[str, Crew] = {
    "ack_before_commit": partial(insiders, pace=0.03),
    "leak_to_an_outsider": usual_crew,
    "socket_left_open": guests,
}
STORMS = 4


def kill_once(twin: LiveServer) -> Faults:
    """Between an ack and its commit, with luck: nothing else shows that one came too early."""

    async def kill(run: Run) -> None:
        await asyncio.sleep(SECONDS)
        twin.kill()
        run.history.kills.append((now(), "app"))
        await asyncio.to_thread(twin.start)

    return kill


class Nursery:
    """Twins in the order of their tests: the next ones start while one is in its storm."""

    def __init__(self, mould: Mould, defects: list[str]) -> None:
        self._mould = mould
        self._ahead = Semaphore(AHEAD)
        self._pool = ThreadPoolExecutor(AHEAD)
        self._starting = {defect: self._pool.submit(self._start, defect) for defect in defects}

    def _start(self, defect: str) -> tuple[ExitStack, LiveServer]:
        self._ahead.acquire()
        with ExitStack() as stack:
            live = stack.enter_context(self._mould.cast(defect))
            return stack.pop_all(), live

    @contextmanager
    def twin(self, defect: str) -> Iterator[LiveServer]:
        starting = self._starting.pop(defect)
        try:
            stack, live = starting.result()
        finally:
            self._ahead.release()
        with stack:
            yield live

    def close(self) -> None:
        """End those that no test took."""
        for starting in self._starting.values():
            if not starting.cancel():
                self._ahead.release()
                with suppress(Exception):
                    starting.result()[0].close()
        self._pool.shutdown()


@pytest.fixture(scope="module")
def nursery(mould: Mould, request: pytest.FixtureRequest) -> Iterator[Nursery]:
    own = [
        item for item in request.session.items if getattr(item, "module", None) is request.module
    ]
    called = [item.callspec.params for item in own if hasattr(item, "callspec")]
    nursery = Nursery(mould, [params["defect"] for params in called])
    yield nursery
    nursery.close()


@pytest.mark.parametrize(
    ("defect", "seen"),
    [
        ("ack_before_commit", {"lost", "moved"}),
        ("no_idempotency", {"doubled", "created_twice"}),
        ("burnt_numbers", {"gap"}),
        ("counter_without_lock", {"broken"}),
        ("replay_before_subscribe", {"missed"}),
        ("push_without_cursor", {"missed"}),
        ("horizon_goes_back", {"went_back"}),
        ("counter_drifts", {"unread"}),
        ("edit_lost_in_a_race", {"edits"}),
        ("deleted_text_shown", {"deleted_text"}),
        ("leak_to_an_outsider", {"leak"}),
        ("socket_left_open", {"after_revocation"}),
    ],
)
def test_a_defect_is_seen(
    nursery: Nursery,
    mould: Mould,
    seed: int,
    defect: str,
    seen: set[str],
    record_property: Callable[[str, object], None],
) -> None:
    """In one of a few storms: each leaves to chance whether the broken rule is met."""
    kinds: set[str] = set()
    said = ""
    with nursery.twin(defect) as twin:
        for storm in range(STORMS):
            history, violations = rage(
                twin.base, mould.pairs[storm * CHATS :][:CHATS], seconds=SECONDS, seed=seed + storm,
                quiet_seconds=2.0, ask_seconds=1.0,
                crew=CREWS.get(defect, insiders),
                faults=kill_once(twin) if defect == "ack_before_commit" else None,
            )  # fmt: skip
            kinds |= {violation.what for violation in violations}
            said += report(history, violations, seed + storm) + "\n"
            if seen & kinds:
                break
    record_property("measured", f"{sorted(kinds)}: {said.splitlines()[0]}")
    print(defect, sorted(kinds), said, sep="\n")  # noqa: T201
    assert seen & kinds, said
