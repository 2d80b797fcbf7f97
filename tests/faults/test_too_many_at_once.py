"""More requests at once than may hold a thread each, while nothing can be written."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import httpx
import psycopg

from tests.acceptance.finals import read_final
from tests.faults.conftest import Take
from tests.faults.ordeal import Record
from tests.faults.witness import ANSWER_SECONDS
from tests.harness.server import LiveServer, Pair

REQUESTS = 800
THREADS = 256 + 60
"""Of requests being answered, and whatever else the process runs."""


def test_who_comes_too_many_is_told_so_and_holds_no_thread(
    stack: LiveServer, take: Take, superuser: str, record_property: Record
) -> None:
    (pair,) = take(1)
    with psycopg.connect(superuser) as holder:
        holder.execute("SELECT 1 FROM messaging_chat WHERE id = %s FOR UPDATE", (pair.chat_id,))
        answers, threads = asyncio.run(_ask_all(stack, pair))
    codes = Counter(answers.values())
    said = f"{REQUESTS} sends at once to a locked chat: {dict(codes)}, at most {threads} threads"
    record_property("measured", said)
    print(said)  # noqa: T201
    assert set(codes) <= {(503, "overloaded"), (503, "unavailable")}
    assert codes[(503, "overloaded")] >= 50
    assert threads <= THREADS
    # Whatever became of them, the same ids again are one message each.
    again, _ = asyncio.run(_ask_all(stack, pair, parallel=50))
    assert {status for status, _ in again.values()} <= {200, 201}
    final = read_final(stack.base, pair)
    assert sorted(told.key or "" for told in final.messages) == sorted(answers)


async def _ask_all(
    stack: LiveServer, pair: Pair, *, parallel: int = REQUESTS
) -> tuple[dict[str, tuple[int, str]], int]:
    """(key -> status and code, most threads seen)."""
    room = asyncio.Semaphore(parallel)
    answers: dict[str, tuple[int, str]] = {}
    headers = {"Authorization": f"Bearer {pair.patient_token}"}

    async def ask(api: httpx.AsyncClient, key: str) -> None:
        body = {"chat_id": pair.chat_id, "text": key, "client_message_id": key}
        async with room:
            began = time.monotonic()
            answer = await api.post("messages/send_message/", json=body)
            # Of so many at once the last waits for all of the others' parsing, too.
            assert time.monotonic() - began < 3 * ANSWER_SECONDS
        code = ""
        if answer.status_code == 503:
            assert "retry-after" in answer.headers
            code = answer.json()["errors"][0]["code"]
        answers[key] = (answer.status_code, code)

    limits = httpx.Limits(max_connections=parallel)
    async with httpx.AsyncClient(
        base_url=f"{stack.base}/api/", headers=headers, timeout=90, limits=limits
    ) as api:
        asked = [asyncio.create_task(ask(api, f"k{n}")) for n in range(REQUESTS)]
        most = 0
        while not all(task.done() for task in asked):
            most = max(most, _threads(stack))
            await asyncio.sleep(0.2)
        await asyncio.gather(*asked)
    return answers, most


def _threads(stack: LiveServer) -> int:
    assert stack.process is not None
    return len([*Path(f"/proc/{stack.process.pid}/task").iterdir()])
