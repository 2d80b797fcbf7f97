"""Batches of one's own making: who hands in what together, and where its commit hangs."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import psycopg

from tests.acceptance.faults import wait_for
from tests.harness.server import LiveServer, Pair

GATHER_SECONDS = 1.0

Answer = tuple[int, dict[str, Any]]


def same_lane(pairs: Sequence[Pair], lanes: int) -> list[Pair]:
    """Those of the pairs whose chats share the first one's lane."""

    def lane(pair: Pair) -> int:
        return zlib.crc32(pair.chat_id.encode()) % lanes

    return [pair for pair in pairs if lane(pair) == lane(pairs[0])]


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
def held_back(superuser: str, first: Pair) -> Iterator[None]:
    """Whoever writes to the first pair's chat waits; what comes meanwhile gathers behind it."""
    with psycopg.connect(superuser) as holder:
        holder.execute("SET LOCAL synchronous_commit = local")  # its end hangs on no standby
        holder.execute("SELECT 1 FROM messaging_chat WHERE id = %s FOR UPDATE", [first.chat_id])
        yield


def send_together(
    server: LiveServer, superuser: str, pairs: Sequence[Pair], key: str
) -> dict[str, Answer | None]:
    """One message to each chat, all but the first in one batch; by chat. All of one lane.

    On a busy machine some may come too late, or the first wait too long: look at the outcome.
    """
    with ThreadPoolExecutor(len(pairs)) as crowd:
        with held_back(superuser, pairs[0]):
            asked: dict[str, Future[Answer | None]] = {}
            asked[pairs[0].chat_id] = crowd.submit(send, server, pairs[0], key)
            with psycopg.connect(superuser, autocommit=True) as admin:
                waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                wait_for(lambda: admin.execute(waiting).fetchone() != (0,))
            for pair in pairs[1:]:
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
