"""`send_message` and `POST messages/`: one and the same, numbered, once per client id."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import (
    MESSAGE_FIELDS,
    detail,
    is_timestamp,
    ok,
    refused,
    rows,
    say,
)
from tests.harness.server import LiveServer, Pair


@pytest.mark.parametrize("route", ["messages/send_message/", "messages/"])
def test_a_message_is_answered_with_all_its_fields(
    pair: Pair, therapist: httpx.Client, route: str
) -> None:
    body = {"chat_id": pair.chat_id, "text": "Hello", "sender_id": pair.therapist_id}
    message = ok(therapist.post(route, json=body), 201)
    assert set(message) == MESSAGE_FIELDS
    expected = {
        "id": f"MSG_{pair.therapist_id}_{pair.patient_id}_1", "chat_id": pair.chat_id, "seq": 1,
        "changed_seq": 1, "client_message_id": None, "sender_id": pair.therapist_id,
        "text": "Hello", "message_type": "text", "emergency": False, "attachment_url": None,
        "attachment_name": None, "attachment_size": None, "attachment_state": None,
        "payload": None, "read_status": "sent",
        "delivered_at": None, "read_at": None, "read_by": None, "reply_to": None,
        "reply_to_text": None, "edited": False, "edited_at": None, "deleted": False,
        "deleted_at": None, "deleted_by": None,
    }  # fmt: skip
    assert {name: message[name] for name in expected} == expected
    assert message["sender_name"] == f"Load {pair.therapist_id[2:]}"
    assert is_timestamp(message["timestamp"])
    assert ok(therapist.get(f"messages/{message['id']}/")) == message


def test_numbers_are_gapless_from_one_across_both_senders(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = [say((therapist, patient)[n % 2], pair.chat_id, str(n)) for n in range(8)]
    assert [message["seq"] for message in said] == list(range(1, 9))
    assert detail(patient, pair.chat_id)["last_seq"] == 8


def test_a_refused_send_takes_no_number(pair: Pair, therapist: httpx.Client) -> None:
    say(therapist, pair.chat_id)
    refused(therapist.post("messages/", json={"chat_id": pair.chat_id, "text": " "}), 400, "blank")
    assert say(therapist, pair.chat_id)["seq"] == 2


def test_the_same_client_id_is_one_message(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    body = {"chat_id": pair.chat_id, "text": "once", "client_message_id": "c-1"}
    first = ok(therapist.post("messages/", json=body), 201)
    before = rows(server)
    assert ok(therapist.post("messages/send_message/", json=body), 200) == first
    spelled_out = {**body, "message_type": "text", "emergency": False, "reply_to": None}
    assert ok(therapist.post("messages/", json=spelled_out), 200) == first
    for change in ({"text": "twice"}, {"emergency": True}, {"payload": {"a": 1}},
                   {"message_type": "appointment"}, {"reply_to": first["id"]}):  # fmt: skip
        answer = therapist.post("messages/", json={**body, **change})
        refused(answer, 409, "idempotency_conflict", "client_message_id")
    assert rows(server) == before
    theirs = ok(patient.post("messages/", json=body), 201)
    assert theirs["seq"] == 2, "a client id is its sender's own"


def test_a_retry_gets_the_message_as_it_stands_now(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    body = {"chat_id": pair.chat_id, "text": "read me", "client_message_id": "c-1"}
    first = ok(therapist.post("messages/", json=body), 201)
    ok(patient.post(f"messages/{first['id']}/mark_read/"))
    again = ok(therapist.post("messages/", json=body), 200)
    assert (again["id"], again["read_status"]) == (first["id"], "read")


def test_the_idempotency_key_is_an_alias(pair: Pair, therapist: httpx.Client) -> None:
    body = {"chat_id": pair.chat_id, "text": "once"}
    key = {"Idempotency-Key": "k-1"}
    first = ok(therapist.post("messages/", json=body, headers=key), 201)
    assert first["client_message_id"] == "k-1"
    both = {**body, "client_message_id": "k-1"}
    assert ok(therapist.post("messages/", json=both, headers=key), 200)["id"] == first["id"]
    assert ok(therapist.post("messages/", json=both), 200)["id"] == first["id"]
    differ = therapist.post("messages/", json={**both, "client_message_id": "k-2"}, headers=key)
    refused(differ, 400, "idempotency_keys_differ")
    long_key = {"Idempotency-Key": "k" * 65}
    refused(therapist.post("messages/", json=body, headers=long_key), 400, "invalid")
    ok(therapist.post("messages/", json=body, headers={"Idempotency-Key": "k" * 64}), 201)


def test_a_reply_quotes_the_start_of_a_message_of_the_same_chat(
    pair: Pair, other_pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    outsider: httpx.Client,
) -> None:  # fmt: skip
    asked = say(patient, pair.chat_id, "🫂" * 150 + "ü" * 150)
    reply = say(therapist, pair.chat_id, "yes", reply_to=asked["id"])
    assert (reply["reply_to"], reply["reply_to_text"]) == (asked["id"], asked["text"][:200])
    assert ok(patient.get(f"messages/{reply['id']}/"))["reply_to_text"] == asked["text"][:200]
    assert say(therapist, pair.chat_id, "ok", reply_to=reply["id"])["reply_to_text"] == "yes"
    elsewhere = say(outsider, other_pair.chat_id, "secret of others")
    missing = asked["id"].removesuffix("_1") + "_99"
    for target in (elsewhere["id"], missing, "MSG_x", "", "1", asked["id"] + "\n"):
        body = {"chat_id": pair.chat_id, "text": "?", "reply_to": target}
        refused(therapist.post("messages/", json=body), 400, "reply_to_not_in_chat", "reply_to")


def test_who_is_not_in_the_chat_can_not_send(
    server: LiveServer, pair: Pair, outsider: httpx.Client, admin: httpx.Client
) -> None:
    before = rows(server)
    bodies = []
    for api in (outsider, admin):
        for chat_id in (pair.chat_id, "CHAT_t_never00_p_never00", "nonsense", ""):
            answer = api.post("messages/", json={"chat_id": chat_id, "text": "hi"})
            refused(answer, 404, "not_found")
            bodies.append({**answer.json(), "request_id": ""})
    assert all(body == bodies[0] for body in bodies)
    assert rows(server) == before
