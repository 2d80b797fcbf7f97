"""Searching is heavy, and never in the way of those who call for help."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.api.calls import connect, ok, refused, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket
from therapyconnect.messaging.selectors.seals import seal_text
from therapyconnect.vault import datakeys
from therapyconnect.vault.keyring import ring_from_file

MESSAGES = 30_000
THREADS_EACH = 5
CALLS = 32
SENDS = 25


def fill(server: LiveServer, pair: Pair, count: int) -> None:
    """So many messages of the patient's in a chat that had none, sealed as the server seals."""
    assert server.database_url is not None
    store = datakeys.CipherStore(ring_from_file(server.data / "keys" / "ring.json"))
    with psycopg.connect(server.database_url) as connection:
        store.add(connection.execute(datakeys.SELECT_SQL, ([pair.chat_id],)).fetchall())
        cipher = store.require(pair.chat_id)
        at = datetime.now(UTC) - timedelta(days=1)
        with connection.cursor().copy(
            "COPY messaging_message (chat_id, seq, changed_seq, sender_id, message_type, emergency,"
            " version, text_sealed, created_at) FROM STDIN"
        ) as copy:
            for seq in range(1, count + 1):
                sealed = seal_text(cipher, f"What was said as number {seq}.", seq=seq, version=1)
                at += timedelta(seconds=1)
                copy.write_row(
                    (pair.chat_id, seq, seq, pair.patient_id, "text", False, 1, sealed, at)
                )
        connection.execute(
            "UPDATE messaging_chat SET last_seq = %s, last_message_seq = %s WHERE id = %s",
            (count, count, pair.chat_id),
        )


@pytest.fixture
def crowd(_pairs: Iterator[Pair]) -> list[Pair]:
    return [next(_pairs) for _ in range(CALLS)]


@pytest.fixture
def large(server: LiveServer, pair: Pair, other_pair: Pair) -> list[Pair]:
    """Two pairs with a long history each."""
    for each in (pair, other_pair):
        fill(server, each, MESSAGES)
    return [pair, other_pair]


@contextmanager
def searching(server: LiveServer, tokens: list[str]) -> Iterator[Counter[int]]:
    """All of them search all they can; yields how often each status was answered."""
    seen: Counter[int] = Counter()
    stop = threading.Event()

    def search(token: str) -> None:
        with connect(server, token) as api:
            while not stop.is_set():
                status = api.post("messages/search/", json={"q": "nowhere"}).status_code
                seen[status] += 1
                if status != 200:
                    stop.wait(0.1)

    threads = [
        threading.Thread(target=search, args=(token,))
        for token in tokens
        for _ in range(THREADS_EACH)
    ]
    for thread in threads:
        thread.start()
    try:
        time.sleep(1)  # until the first of them are at it
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def test_calls_for_help_get_through_beside_all_searches(
    server: LiveServer, large: list[Pair], crowd: list[Pair]
) -> None:
    def call(pair: Pair) -> int:
        with connect(server, pair.patient_token) as api:
            body = {"chat_id": pair.chat_id, "text": "help", "emergency": True}
            return api.post("messages/send_message/", json=body).status_code

    tokens = [token for pair in large for token in (pair.therapist_token, pair.patient_token)]
    waits: list[float] = []
    with (
        chat_socket(server, crowd[0].chat_id, crowd[0].therapist_token) as socket,
        searching(server, tokens) as searches,
        ThreadPoolExecutor(8) as callers,
    ):
        answers = callers.map(call, crowd)
        for number in range(SENDS):
            began = time.monotonic()
            socket.send("chat_message", text="with you", ref=number)
            socket.until("chat_message", timeout=20, ref=number)
            waits.append(time.monotonic() - began)
        statuses = Counter(answers)
    assert statuses == {201: CALLS}
    assert len([wait for wait in waits if wait > 1]) <= 1
    assert searches[200] > 0
    assert set(searches) == {200, 429}


def test_one_search_at_a_time_of_a_user_and_few_of_all(
    server: LiveServer, large: list[Pair], crowd: list[Pair]
) -> None:
    """Who is refused is told when to come back, and comes through then."""
    tokens = [token for pair in large for token in (pair.therapist_token, pair.patient_token)]
    with searching(server, tokens[:1]) as seen, connect(server, tokens[0]) as same:
        refusals = []
        for _ in range(20):
            answer = same.post("messages/search/", json={"q": "nowhere"})
            if answer.status_code != 200:
                refusals.append(answer)
        assert refusals
        for refusal in refusals:
            refused(refusal, 429, "throttled")
            assert 1 <= int(refusal.headers["Retry-After"]) <= 2
        with connect(server, crowd[0].patient_token) as other:
            say(other, crowd[0].chat_id, "somewhere")
            page = ok(other.post("messages/search/", json={"q": "some"}))
            assert [message["text"] for message in page["results"]] == ["somewhere"]
    assert seen[200] > 0
    with connect(server, tokens[0]) as same:
        ok(same.post("messages/search/", json={"q": "nowhere"}))
