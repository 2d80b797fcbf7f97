"""Batches of one's own making: who hands in what together, and where its commit hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import httpx
import psycopg

from tests.acceptance.faults import wait_for
from tests.harness.server import LiveServer, Pair

LANES = 2
GATHER_SECONDS = 1.0

Answer = tuple[int, dict[str, Any]]


def send(server: LiveServer, pair: Pair, key: str, text: str = "words") -> Answer | None:
    """One attempt over REST; None where no answer came."""
    body = {"chat_id": pair.chat_id, "text": text, "client_message_id": key}
    with suppress(httpx.TransportError), server.api(pair.patient_token) as api:
        answer = api.post("messages/send_message/", json=body, timeout=60)
        if answer.status_code == 503:
            assert "retry-after" in answer.headers
        return answer.status_code, answer.json()
    return None


def settle(server: LiveServer, pair: Pair, key: str, text: str = "words") -> Answer:
    """Ask until it is known, as a client does."""
    found: list[Answer] = []

    def known() -> bool:
        answer = send(server, pair, key, text)
        if answer is not None and answer[0] != 503:
            found.append(answer)
        return bool(found)

    wait_for(known, 60)
    return found[0]


def code_of(answer: Answer | None) -> str:
    assert answer is not None
    code: str = answer[1]["errors"][0]["code"]
    return code


@contextmanager
def held_back(
    crowd: ThreadPoolExecutor, server: LiveServer, superuser: str, firsts: Sequence[Pair], key: str
) -> Iterator[dict[str, Future[Answer | None]]]:
    """A message to each of the first pairs holds up a lane; what comes meanwhile gathers.

    Gives what becomes of those messages, by chat. At the end they are let go.
    """
    assert len(firsts) == LANES
    with psycopg.connect(superuser) as holder:
        holder.execute("SET LOCAL synchronous_commit = local")  # its end hangs on no standby
        asked: dict[str, Future[Answer | None]] = {}
        for first in firsts:
            chat_id = first.chat_id
            holder.execute("SELECT 1 FROM messaging_chat WHERE id = %s FOR UPDATE", [chat_id])
            asked[chat_id] = crowd.submit(send, server, first, key)
            # Together they would be one batch, and hold up one lane.
            wait_for(partial(waiting_for_a_lock, superuser, len(asked)))
        yield asked


def waiting_for_a_lock(superuser: str, count: int) -> bool:
    """Whether so many connections wait for a lock."""
    with psycopg.connect(superuser, autocommit=True) as admin:
        row = admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        ).fetchone()
    return row is not None and row[0] >= count


def send_together(
    server: LiveServer, superuser: str, pairs: Sequence[Pair], key: str
) -> dict[str, Answer | None]:
    """One message to each chat, all but the first of each lane in one batch; by chat.

    On a busy machine some may come too late, or the first wait too long: look at the outcome.
    """
    with ThreadPoolExecutor(len(pairs)) as crowd:
        with held_back(crowd, server, superuser, pairs[:LANES], key) as asked:
            for pair in pairs[LANES:]:
                asked[pair.chat_id] = crowd.submit(send, server, pair, key)
            # Below a lane's patience with a lock. Who came too late shows in `transactions`.
            time.sleep(GATHER_SECONDS)
        return {chat_id: one.result() for chat_id, one in asked.items()}


def transactions(superuser: str, key: str) -> dict[str, str]:
    """chat -> the transaction that wrote its message of that client id."""
    with psycopg.connect(superuser, autocommit=True) as admin:
        rows = admin.execute(
            "SELECT chat_id, xmin::text FROM messaging_message WHERE client_message_id = %s", [key]
        ).fetchall()
    return dict(rows)
