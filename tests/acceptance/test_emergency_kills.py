"""G19, the part that is there: no kill leaves an alert without an end that both can see.

Patients call, some therapists answer, and the server is killed again and again meanwhile. Every
call that was answered has an alert; each alert ends acknowledged, by who was told so, or exhausted.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.processes import when
from tests.harness.server import LiveServer, Pair

KILLS = 6
PAIRS = 24
WAIT_SECONDS = 1


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveServer]:
    with own_database(SERVER_URL) as url:
        server = LiveServer(
            tmp_path, database_url=url, env={"THERAPYCONNECT_EMERGENCY_SECONDS": str(WAIT_SECONDS)}
        )
        server.start()
        yield server
        server.stop()


def test_every_alert_ends_whatever_is_killed(live: LiveServer, seed: int) -> None:
    dice = random.Random(seed)
    pairs = live.load_pairs(PAIRS)
    raised: dict[str, str] = {}
    taken: set[str] = set()
    over = threading.Event()
    people = [
        threading.Thread(target=_call, args=(live, pairs, raised, over, dice.random())),
        threading.Thread(target=_answer, args=(live, raised, pairs, taken, over, dice.random())),
    ]
    for person in people:
        person.start()
    try:
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.5, 2.5))
            live.kill()
            live.start()
    finally:
        over.set()
        for person in people:
            person.join()
    waits = "SELECT 1 FROM messaging_emergencyalert WHERE state IN ('raised', 'delivered')"
    when(lambda: not live.sql(waits))
    rows = live.sql(
        "SELECT 'EMG_' || substr(chat_id, 6) || '_' || event_seq, state,"
        " exhausted_at IS NULL, acknowledged_at IS NULL, exhausted_at < due_at"
        " FROM messaging_emergencyalert"
    )
    found = {row[0]: row[1] for row in rows}
    print(f"alerts: {len(rows)}, told of: {len(raised)}, taken: {len(taken)}, kills: {KILLS}")  # noqa: T201
    assert raised.keys() <= found.keys()
    assert taken
    assert {found[alert_id] for alert_id in taken} == {"acknowledged"}
    assert set(found.values()) <= {"acknowledged", "exhausted"}
    assert "exhausted" in found.values()
    for _, state, never_exhausted, never_taken, early in rows:
        assert not early
        assert never_taken if state == "exhausted" else not never_taken
        assert state == "acknowledged" or not never_exhausted


def _call(
    live: LiveServer, pairs: list[Pair], raised: dict[str, str], over: threading.Event, luck: float
) -> None:
    dice = random.Random(luck)
    while not over.is_set():
        pair = dice.choice(pairs)
        with contextlib.suppress(httpx.HTTPError), live.api(pair.patient_token) as api:
            body = {"chat_id": pair.chat_id, "text": "help", "emergency": True}
            answer = api.post("messages/send_message/", json=body)
            if answer.status_code == 201:
                raised[answer.json()["emergency_alert"]["id"]] = pair.therapist_token
        time.sleep(0.02)


def _answer(
    live: LiveServer, raised: dict[str, str], pairs: list[Pair], taken: set[str],
    over: threading.Event, luck: float,
) -> None:  # fmt: skip
    dice = random.Random(luck)
    while not over.is_set():
        time.sleep(0.1)
        if not raised:
            continue
        alert_id, token = dice.choice(list(raised.items()))
        with contextlib.suppress(httpx.HTTPError), live.api(token) as api:
            if api.post(f"emergencies/{alert_id}/acknowledge/", json={}).status_code == 200:
                taken.add(alert_id)
