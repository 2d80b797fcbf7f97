"""G14: a crew is renewed, worker by worker, and nothing that a client can see is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.acceptance.checker import Floor
from tests.acceptance.clients import Run
from tests.acceptance.records import now
from tests.acceptance.storm import rage, report, until, usual_crew
from tests.cluster.crew import Crew, alive, wait_for
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import user_socket

SCALE = float(os.environ.get("TC_CHAOS") or 0)
ROUNDS = int(10 * SCALE) or 2
KILLS = int(10 * SCALE) or 2
CHATS = 3
WORKERS = 2


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            tmp_path_factory.mktemp("crew"),
            database_url=url,
            env={"THERAPYCONNECT_WORKERS": str(WORKERS)},
        )
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="module")
def pairs(live: LiveServer) -> Iterator[Pair]:
    return iter(live.load_pairs(4 * CHATS))


def test_a_rolling_restart_loses_nothing(
    live: LiveServer,
    pairs: Iterator[Pair],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    crew = Crew(live)
    refused: list[str] = []

    async def renew(run: Run) -> None:
        over = asyncio.Event()
        knocking = asyncio.create_task(_knock(live.base, over, refused))
        for _ in range(ROUNDS):
            await asyncio.sleep(1.0)
            await asyncio.to_thread(crew.renew)
            run.history.kills.append((now(), "renewed"))
        await until(floor)(run)
        await asyncio.sleep(1.0)
        over.set()
        await knocking

    floor = Floor(200, ROUNDS, 20)

    history, violations = rage(
        live.base, [next(pairs) for _ in range(CHATS)], seed=seed, faults=renew,
        crew=partial(usual_crew, pace=0.06), floor=floor,
    )  # fmt: skip
    record_property("measured", f"{ROUNDS} renewals of {WORKERS}: {history.tally()}")
    print(history.tally())  # noqa: T201
    assert not violations, report(history, violations, seed)
    assert refused == []
    assert "Traceback" not in live.log_text()


async def _knock(base: str, over: asyncio.Event, refused: list[str]) -> None:
    """Who comes while workers go is served: a new connection each time, none is turned away."""
    while not over.is_set():
        try:
            async with httpx.AsyncClient(timeout=20) as client:
                answer = await client.get(f"{base}/health/live")
            if answer.status_code != 200:
                refused.append(str(answer.status_code))
        except httpx.TransportError as error:
            refused.append(type(error).__name__)
        await asyncio.sleep(0.02)


def test_workers_that_are_killed_are_replaced_and_nothing_is_lost(
    live: LiveServer,
    pairs: Iterator[Pair],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    crew = Crew(live)

    async def kill(run: Run) -> None:
        dice = run.random("kills")
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(1.0, 2.0))
            victim = dice.choice(crew.workers())
            os.kill(victim, signal.SIGKILL)
            run.history.kills.append((now(), "worker"))
            await asyncio.to_thread(wait_for, lambda gone=victim: gone not in crew.workers())
            await asyncio.to_thread(wait_for, lambda: len(crew.workers()) == WORKERS)
        await until(floor)(run)

    floor = Floor(100, KILLS, 20)
    history, violations = rage(
        live.base, [next(pairs) for _ in range(CHATS)], seed=seed, faults=kill,
        crew=partial(usual_crew, pace=0.06), floor=floor,
    )  # fmt: skip
    record_property("measured", f"{KILLS} workers killed: {history.tally()}")
    print(history.tally())  # noqa: T201
    assert not violations, report(history, violations, seed)


def test_a_stop_ends_all_of_them_and_says_1001(live: LiveServer, pairs: Iterator[Pair]) -> None:
    crew = Crew(live)
    pair = next(pairs)
    workers = crew.workers()
    with user_socket(live, pair.patient_id, pair.patient_token) as socket:
        assert live.process is not None
        live.process.send_signal(signal.SIGTERM)
        assert socket.close_code() == 1001
    assert live.stop() == 0
    assert not [pid for pid in workers if alive(pid)]
    live.start()


def test_workers_do_not_outlive_a_parent_that_was_killed(
    live: LiveServer, pairs: Iterator[Pair]
) -> None:
    crew = Crew(live)
    pair = next(pairs)
    workers = crew.workers()
    with user_socket(live, pair.patient_id, pair.patient_token) as socket:
        live.kill()
        assert socket.close_code() == 1001  # in order, all the same
    # At once: what they still hold of the port is waited for.
    live.start()
    wait_for(lambda: not [pid for pid in workers if alive(pid)])


def test_a_busy_port_is_one_line(live: LiveServer, tmp_path: Path) -> None:
    other = LiveServer(
        tmp_path, database_url=live.database_url, env={**live.env, "PORT": str(live.port)}
    )
    other.env["THERAPYCONNECT_DATA"] = str(live.data)
    with pytest.raises(AssertionError, match=r"nothing can listen on 127\.0\.0\.1 port"):
        other.start()
    assert "Traceback" not in other.log_text()
