"""A database that neither answers nor hangs up: 503 within seconds, and its return is enough."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.acceptance.faults import Faults
from tests.harness.server import LiveServer

PATIENCE = 25.0


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with an embedded PostgreSQL of its own, which may be frozen."""
    live = LiveServer(tmp_path_factory.mktemp("frozen"))
    live.start()
    yield live
    live.stop()


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


def test_a_frozen_database_is_503_in_time_and_its_thaw_is_enough(own_server: LiveServer) -> None:
    """More requests than the pool has connections, idle and busy ones, reads and writes."""
    (pair,) = own_server.load_pairs(1)
    headers = {"Authorization": f"Bearer {pair.patient_token}"}
    url = f"{own_server.base}/api/"
    found: list[tuple[int, float]] = []

    def ask(path: str, body: dict[str, str] | None) -> None:
        began = time.monotonic()
        answer = httpx.request(
            "POST" if body else "GET", url + path, json=body, headers=headers, timeout=60
        )
        found.append((answer.status_code, time.monotonic() - began))
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers

    asked: list[tuple[str, dict[str, str] | None]] = [("chats/", None)] * 10
    asked += [("messages/", {"chat_id": pair.chat_id, "text": "x"})] * 2
    for path, body in asked[-1:] + asked[:1]:
        ask(path, body)
    assert {status for status, _ in found} == {200, 201}
    found.clear()
    with frozen(own_server):
        threads = [threading.Thread(target=ask, args=each) for each in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert [status for status, _ in found] == [503] * len(asked)
    assert max(seconds for _, seconds in found) < PATIENCE
    own_server.wait_ready()
    found.clear()
    for path, body in asked:
        ask(path, body)
    assert {status for status, _ in found} == {200, 201}
    assert max(seconds for _, seconds in found) < 5
