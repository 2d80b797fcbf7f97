"""Care relationships: begun by the clinic, ended by it or by the therapist; then one only reads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from tests.acceptance.faults import wait_for
from tests.api.calls import (
    connect,
    detail,
    end_care,
    is_timestamp,
    new_patients,
    ok,
    refused,
    relate,
    say,
    set_fact,
)
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import CLOSED_SECONDS, SLACK_SECONDS, chat_socket

FIELDS = {
    "id", "therapist_id", "patient_id", "therapist_full_name", "patient_full_name", "started_at",
    "ended_at", "active",
}  # fmt: skip
ROUTE = "care-relationships/"
ATTEMPTS = 5
LOCK_SQL = "SELECT 1 FROM accounts_carerelationship WHERE id = %s FOR UPDATE"
WAITING_SQL = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query ~ 'carerelationship'
"""


def own(api: httpx.Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(api.get(f"{ROUTE}?{query}"))["results"]
    return found


def end(api: httpx.Client, care: dict[str, Any]) -> httpx.Response:
    return api.post(f"{ROUTE}{care['id']}/end/", json={})


def test_each_sees_their_own(
    pair: Pair, other_pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    admin: httpx.Client,
) -> None:  # fmt: skip
    (care,) = own(therapist)
    assert set(care) == FIELDS
    assert (care["therapist_id"], care["patient_id"]) == (pair.therapist_id, pair.patient_id)
    assert (care["active"], care["ended_at"]) == (True, None)
    assert is_timestamp(care["started_at"])
    assert care["therapist_full_name"] == detail(therapist, pair.chat_id)["therapist_full_name"]
    assert own(patient) == [care]
    assert own(patient, f"therapist_id={other_pair.therapist_id}") == []
    for query in (f"therapist_id={pair.therapist_id}", f"patient_id={pair.patient_id}"):
        assert own(admin, query) == [care]
        assert own(admin, f"{query}&active=true") == [care]
        assert own(admin, f"{query}&active=false") == []
    refused(therapist.get(f"{ROUTE}?user_id={pair.patient_id}"), 403, "identity_mismatch")
    refused(therapist.get(f"{ROUTE}?active=perhaps"), 400, "invalid", "active")


def test_only_an_administrator_begins_one(
    server: LiveServer, pair: Pair, other_pair: Pair, therapist: httpx.Client,
    patient: httpx.Client, admin: httpx.Client,
) -> None:  # fmt: skip
    body = {"therapist_id": pair.therapist_id, "patient_id": other_pair.patient_id}
    for api in (therapist, patient):
        refused(api.post(ROUTE, json=body), 403, "admin_only", None)
        refused(api.post(ROUTE, json={}), 403, "admin_only", None)
    made = ok(admin.post(ROUTE, json=body), 201)
    assert set(made) == FIELDS
    assert own(therapist)[0] == made
    refused(admin.post(ROUTE, json=body), 409, "already_exists", None)
    ok(therapist.post("chats/create_or_get_chat/", json=body), 201)
    assert ok(end(admin, made))["active"] is False
    again = ok(admin.post(ROUTE, json=body), 201)
    assert again["id"] != made["id"]
    assert own(admin, f"therapist_id={pair.therapist_id}&active=false")[0]["id"] == made["id"]
    with connect(server, None) as nobody:
        refused(nobody.post(ROUTE, json=body), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("change", "status", "code", "attr"),
    [
        ({"therapist_id": None}, 400, "invalid", "therapist_id"),
        ({"therapist_id": "p_xyz789"}, 400, "invalid", "therapist_id"),
        ({"patient_id": "x"}, 400, "invalid", "patient_id"),
        ({"patient_id": "p_\x00"}, 400, "invalid", "patient_id"),
        ({"therapist_id": "t_never00"}, 404, "not_found", "therapist_id"),
        ({"patient_id": "p_never00"}, 404, "not_found", "patient_id"),
        ({"started_at": "2026-01-01T00:00:00Z"}, 400, "unknown_field", "started_at"),
    ],
)
def test_whom_it_can_not_be_between(
    pair: Pair, admin: httpx.Client, change: dict[str, Any], status: int, code: str, attr: str
) -> None:
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id, **change}
    refused(admin.post(ROUTE, json=body), status, code, attr)


def test_of_many_at_once_one_begins_it(server: LiveServer, pair: Pair, admin: httpx.Client) -> None:
    ok(end(admin, own(admin, f"therapist_id={pair.therapist_id}")[0]))
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: admin.post(ROUTE, json=body).status_code, range(6)))
    assert sorted(answers) == [201, 409, 409, 409, 409, 409]


@pytest.mark.parametrize("who", ["therapist", "admin"])
def test_with_it_ends_the_writing_and_both_are_told(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    admin: httpx.Client, who: str,
) -> None:  # fmt: skip
    message = say(patient, pair.chat_id, "kept")
    care = own(therapist)[0]
    api = therapist if who == "therapist" else admin
    with chat_socket(server, pair.chat_id, pair.patient_token) as socket:
        ended = ok(end(api, care))
        told = socket.until("chat_message")["message"]
        assert socket.close_code() == 4403
    assert (told["message_type"], told["payload"]) == ("system", {"event": "relationship_ended"})
    assert ended == {**care, "active": False, "ended_at": ended["ended_at"]}
    assert is_timestamp(ended["ended_at"])
    assert own(patient) == [ended]
    for client in (therapist, patient):
        body = {"chat_id": pair.chat_id, "text": "still there?"}
        refused(client.post("messages/", json=body), 403, "relationship_ended")
        assert ok(client.get(f"messages/{message['id']}/"))["text"] == "kept"
        assert detail(client, pair.chat_id)["relationship_active"] is False
    assert detail(patient, pair.chat_id)["last_message_text"] == told["text"]
    # Again: nothing is said twice, and the time stays.
    assert ok(end(api, care)) == ended
    assert detail(patient, pair.chat_id)["last_seq"] == told["seq"]
    assert server.sql(
        "SELECT ended_by_id FROM accounts_carerelationship WHERE id = %s", (care["id"],)
    ) == [(pair.therapist_id if who == "therapist" else "a_admin1",)]


def test_who_does_not_end_it(
    pair: Pair, other_pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    outsider: httpx.Client, admin: httpx.Client,
) -> None:  # fmt: skip
    care = own(therapist)[0]
    refused(end(patient, care), 403, "therapist_only", None)
    unknown = {"id": str(uuid.uuid4())}
    found = [end(outsider, care), end(outsider, unknown), end(admin, unknown)]
    found += [end(admin, {"id": name}) for name in ("x", care["id"].upper(), "%00")]
    for answer in found:
        refused(answer, 404, "not_found", None)
    assert own(therapist) == [care]
    refused(
        therapist.post(f"{ROUTE}{care['id']}/end/", json={"why": "moved"}), 400, "unknown_field"
    )


@pytest.mark.parametrize("chat", ["deleted", "none", "blocked"])
def test_it_ends_whatever_became_of_the_chat(
    server: LiveServer, pair: Pair, therapist: httpx.Client, chat: str
) -> None:
    if chat == "none":
        (patient_id,) = new_patients(server, pair.therapist_id, 1)
        care = own(therapist, f"patient_id={patient_id}")[0]
    else:
        care = own(therapist)[0]
        set_fact(
            server, pair.chat_id, "deleted_at" if chat == "deleted" else "blocked_by_patient_at"
        )
    ended = ok(end(therapist, care))
    assert ended["active"] is False
    assert ok(end(therapist, care)) == ended
    said = server.sql("SELECT last_seq FROM messaging_chat WHERE id = %s", (pair.chat_id,))
    assert said == [(1 if chat == "blocked" else 0,)]


def test_a_chat_made_beside_its_end_closes_too(
    server: LiveServer, pair: Pair, therapist: httpx.Client, request: pytest.FixtureRequest
) -> None:
    """The end has seen that there is no chat, and waits; meanwhile there is one, and a socket."""
    pairs: Iterator[Pair] = request.getfixturevalue("_pairs")
    codes = (_made_beside_the_end(server, pair, therapist, next(pairs)) for _ in range(ATTEMPTS))
    assert next(code for code in codes if code != "too late") == 4403


def _made_beside_the_end(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: Pair
) -> int | str | None:
    """What the chat's socket is closed with; who waits for a lock for long gives up: "too late"."""
    relate(server, pair.therapist_id, [patient.patient_id])
    care = own(therapist, f"patient_id={patient.patient_id}")[0]
    body = {"therapist_id": pair.therapist_id, "patient_id": patient.patient_id}
    with (
        psycopg.connect(server.database_url or "") as holder,
        ThreadPoolExecutor(1) as other,
        connect(server, patient.patient_token) as api,
    ):
        holder.execute(LOCK_SQL, (care["id"],))
        ended = other.submit(end, therapist, care)
        wait_for(lambda: ended.done() or server.sql(WAITING_SQL))
        chat = ok(api.post("chats/create_or_get_chat/", json=body), 201)
        with chat_socket(server, chat["id"], patient.patient_token) as socket:
            holder.rollback()
            if ended.result().status_code == 503:
                return "too late"
            assert ok(ended.result())["active"] is False
            return socket.close_code(CLOSED_SECONDS + SLACK_SECONDS)


def test_whoever_asks_again_has_the_sockets_closed(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    """As where it ended, and whoever asked for it was told that nobody knows."""
    care = own(therapist)[0]
    with chat_socket(server, pair.chat_id, pair.patient_token) as socket:
        end_care(server, pair)
        assert ok(end(therapist, care))["active"] is False
        assert socket.close_code(CLOSED_SECONDS + SLACK_SECONDS) == 4403


def test_pages_lead_forwards_and_back(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    patients = {*new_patients(server, pair.therapist_id, 6), pair.patient_id}
    address: str | None = f"{ROUTE}?limit=2"
    there: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(therapist.get(address))
        there += [care["patient_id"] for care in page["results"]]
        address = page["next"]
    assert len(there) == len(patients)
    assert set(there) == patients
    back = [care["patient_id"] for care in page["results"]]
    while page["previous"]:
        page = ok(therapist.get(page["previous"]))
        back = [care["patient_id"] for care in page["results"]] + back
    assert back == there
    chats = ok(therapist.get("chats/?limit=1"))
    assert chats["next"] is None
    refused(therapist.get(f"{ROUTE}?cursor=WyJ4Il0"), 400, "invalid_cursor", "cursor")
