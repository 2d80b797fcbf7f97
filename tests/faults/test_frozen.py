"""A database that neither answers nor hangs up: 503 within seconds, and its return is enough."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx

from tests.acceptance.faults import Faults
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.faults.witness import ANSWER_SECONDS
from tests.harness.server import LiveServer, Pair

# Longer than a read and a batch (8 s); the whole promise is longer than any wait (15 s).
HOLD_SECONDS = 16.0 if os.environ.get("TC_CHAOS") else 9.0


@contextmanager
def frozen(server: LiveServer) -> Iterator[None]:
    """As where its disk or its machine hangs: connections stay open, and nothing comes."""
    stopped = Faults(server).processes()
    assert len(stopped) > 3
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_a_frozen_database_is_503_in_time_and_its_thaw_is_enough(
    stack: LiveServer, take: Take, seed: int, record_property: Record
) -> None:
    """More requests than the pool has connections, idle and busy ones, reads and writes."""
    pairs = take(3)
    found: list[tuple[int, float]] = []

    def freeze() -> None:
        end = time.monotonic() + HOLD_SECONDS
        with frozen(stack), ThreadPoolExecutor(12) as crowd:
            asked = [crowd.submit(_ask, stack, pairs[0], send=n < 2) for n in range(12)]
            found.extend(one.result() for one in asked)
            time.sleep(max(0.0, end - time.monotonic()))

    endure(
        "PostgreSQL frozen (SIGSTOP)", freeze,
        server=stack, pairs=pairs, seed=seed, record=record_property,
    )  # fmt: skip
    assert [status for status, _ in found] == [503] * 12
    assert max(seconds for _, seconds in found) < ANSWER_SECONDS
    for send in (True, False):
        status, seconds = _ask(stack, pairs[0], send=send)
        assert status in (200, 201)
        assert seconds < 10


def _ask(server: LiveServer, pair: Pair, *, send: bool) -> tuple[int, float]:
    began = time.monotonic()
    with httpx.Client(timeout=60) as client:
        answer = client.request(
            "POST" if send else "GET",
            f"{server.base}/api/{'messages' if send else 'chats'}/",
            json={"chat_id": pair.chat_id, "text": "x"} if send else None,
            headers={"Authorization": f"Bearer {pair.patient_token}"},
        )
    assert answer.status_code != 503 or "retry-after" in answer.headers
    return answer.status_code, time.monotonic() - began
