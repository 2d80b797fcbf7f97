"""A table that somebody locked, and all connections of the pool held by who waits for it."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg

from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.faults.witness import ANSWER_SECONDS
from tests.harness.server import LiveServer, Pair

# Longer than a lock (3 s), a statement (6 s), a batch and a read (8 s) may take; the whole
# promise is longer than any wait of the server's (15 s).
HOLD_SECONDS = 18.0 if os.environ.get("TC_CHAOS") else 10.0
READERS = 40


def test_a_locked_table_is_503_in_time_and_its_release_is_enough(
    stack: LiveServer, take: Take, superuser: str, seed: int, record_property: Record
) -> None:
    pairs = take(3)
    found: list[tuple[int, float]] = []

    def lock() -> None:
        with psycopg.connect(superuser) as holder, ThreadPoolExecutor(READERS) as crowd:
            holder.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")
            end = time.monotonic() + HOLD_SECONDS
            # Five for each connection of the pool: all of those wait for the lock, all the time.
            asked = [crowd.submit(_read, stack, pairs[0]) for _ in range(READERS)]
            found.extend(one.result() for one in asked)
            time.sleep(max(0.0, end - time.monotonic()))

    endure(
        "messaging_message locked, 40 readers at once on 8 connections", lock,
        server=stack, pairs=pairs, seed=seed, record=record_property,
    )  # fmt: skip
    assert {status for status, _ in found} == {503}
    slowest = max(seconds for _, seconds in found)
    record_property("measured", f"{READERS} readers at once: all 503, the slowest {slowest:.1f} s")
    assert slowest < ANSWER_SECONDS


def _read(server: LiveServer, pair: Pair) -> tuple[int, float]:
    began = time.monotonic()
    answer = httpx.get(
        f"{server.base}/api/messages/?chat_id={pair.chat_id}",
        headers={"Authorization": f"Bearer {pair.patient_token}"},
        timeout=60,
    )
    assert answer.status_code != 503 or "retry-after" in answer.headers
    return answer.status_code, time.monotonic() - began
