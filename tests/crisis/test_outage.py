"""The real server, its real database killed: an emergency is refused with the patient's lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.acceptance.faults import Faults
from tests.api.calls import set_fact
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server with an embedded PostgreSQL of its own, which may be killed."""
    live = LiveServer(tmp_path_factory.mktemp("outage"))
    live.start()
    yield live
    live.stop()


@pytest.fixture(scope="module")
def own_pairs(own_server: LiveServer) -> list[Pair]:
    return own_server.load_pairs(3)


def _cry(server: LiveServer, token: str, chat_id: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(
        f"{server.base}/api/messages/send_message/", headers=headers, timeout=60,
        json={"chat_id": chat_id, "text": "help", "emergency": True},
    )  # fmt: skip


def test_a_server_that_has_just_started_knows_where_its_patients_are(
    own_server: LiveServer, own_pairs: list[Pair]
) -> None:
    """It has seen nobody yet when the database dies."""
    pair = own_pairs[0]
    with own_server.api(pair.patient_token) as api:
        assert api.patch("me/settings/", json={"region": "CH"}).status_code == 200
    own_server.stop()
    own_server.start()
    with kept_dead(own_server):
        answer = _refused(own_server, pair.patient_token, pair.chat_id)
    own_server.wait_ready()
    assert [r["phone"] for r in answer["crisis_resources"]] == ["144", "143"]


def test_with_the_database_killed(own_server: LiveServer, own_pairs: list[Pair]) -> None:
    known, unknown = own_pairs[1:]
    with own_server.api(known.patient_token) as api:
        changed = api.patch("me/settings/", json={"region": "AT", "language": "de"})
        assert changed.status_code == 200
    with kept_dead(own_server):
        answers = {
            pair: _refused(own_server, pair.patient_token, pair.chat_id)
            for pair in (known, unknown)
        }
        therapists = _refused(own_server, known.therapist_token, known.chat_id)
    own_server.wait_ready()
    assert [r["phone"] for r in answers[known]["crisis_resources"]] == ["112", "142"]
    assert answers[known]["crisis_resources"][0]["name"] == "Notruf"
    assert all(r["phone"] is None for r in answers[unknown]["crisis_resources"])
    assert "crisis_resources" not in therapists


def test_a_socket_learns_where_its_patient_is(server: LiveServer, pair: Pair) -> None:
    """Also where another process wrote it down; and it opens where that can't be read."""
    server.sql("DELETE FROM accounts_usersettings WHERE user_id = %s", (pair.patient_id,))
    assert _phones_by_socket(server, pair) == [None, None, None]
    server.sql(
        "INSERT INTO accounts_usersettings SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'user_id', %s::text, 'region', 'CH'))).* FROM accounts_usersettings s"
        " WHERE s.user_id = %s",
        (pair.patient_id, _has_settings(server)),
    )
    assert _phones_by_socket(server, pair) == ["144", "143"]
    server.sql("ALTER TABLE accounts_usersettings RENAME TO accounts_usersettings_away")
    try:
        assert _phones_by_socket(server, pair) == ["144", "143"]
    finally:
        server.sql("ALTER TABLE accounts_usersettings_away RENAME TO accounts_usersettings")


def _has_settings(server: LiveServer) -> str:
    """Somebody who has a row of settings."""
    token = server.login("patient2@demo.test")["access_token"]
    with server.api(token) as api:
        assert api.patch("me/settings/", json={"language": "en"}).status_code == 200
    return "p_uvw012"


def _phones_by_socket(server: LiveServer, pair: Pair) -> list[str | None]:
    with chat_socket(server, pair.chat_id, pair.patient_token) as chat:
        chat.send("chat_message", text=" ", emergency=True, ref="r")
        refused = chat.until("error", ref="r")
    return [resource["phone"] for resource in refused["crisis_resources"]]


def _refused(server: LiveServer, token: str, chat_id: str) -> dict[str, list[dict[str, str]]]:
    began = time.monotonic()
    answer = _cry(server, token, chat_id)
    assert answer.status_code == 503, answer.text
    assert "Retry-After" in answer.headers
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert time.monotonic() - began < 20
    found: dict[str, list[dict[str, str]]] = answer.json()
    return found


@contextmanager
def kept_dead(server: LiveServer) -> Iterator[None]:
    """Kills PostgreSQL again each time that its keeper has started it."""
    over = threading.Event()
    faults = Faults(server)

    def kill() -> None:
        while not over.wait(0.01):
            faults.kill_postgres()

    killer = threading.Thread(target=kill)
    faults.kill_postgres()
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


def test_real_refusals_over_the_network(server: LiveServer, pair: Pair) -> None:
    with server.api(pair.patient_token) as api:
        assert api.patch("me/settings/", json={"region": "AU"}).status_code == 200
        send = {"chat_id": pair.chat_id, "text": "one", "client_message_id": "same"}
        assert api.post("messages/", json=send).status_code == 201
        conflict = api.post("messages/", json={**send, "text": "two", "emergency": True})
        assert conflict.status_code == 409
        not_mine = {"chat_id": "CHAT_t_x00_p_x00", "text": "x", "emergency": True}
        unknown = api.post("messages/", json=not_mine)
        assert unknown.status_code == 404
        set_fact(server, pair.chat_id, "blocked_by_therapist_at")
        blocked = api.post("messages/", json={**not_mine, "chat_id": pair.chat_id})
        assert blocked.status_code == 403
        fine = {**not_mine, "chat_id": pair.chat_id, "emergency": False}
        assert "crisis_resources" not in api.post("messages/", json=fine).json()
    for answer in (conflict, unknown, blocked):
        assert [r["phone"] for r in answer.json()["crisis_resources"]][:2] == ["000", "13 11 14"]
        assert int(answer.headers["Content-Length"]) == len(answer.content)
