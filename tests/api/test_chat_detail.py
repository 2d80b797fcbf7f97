"""One chat in detail, and what a participant sets on it for themselves."""

from __future__ import annotations

import httpx

from tests.api.calls import DETAIL_FIELDS, ROOM_FIELDS, detail, is_timestamp, ok, refused, say
from tests.harness.server import LiveServer, Pair


def test_it_has_every_field_of_the_contract_and_no_other(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "Good morning")
    chat = detail(therapist, pair.chat_id)
    assert set(chat) == DETAIL_FIELDS
    assert set(chat["room"]) == ROOM_FIELDS
    assert chat["other_participant"] == {
        "id": pair.patient_id,
        "role": "patient",
        "first_name": chat["patient_first_name"],
        "last_name": chat["patient_last_name"],
        "full_name": chat["patient_full_name"],
        "online": False,
    }
    assert detail(patient, pair.chat_id)["other_participant"]["id"] == pair.therapist_id
    assert (chat["unread_count"], chat["therapist_unread_count"], chat["last_seq"]) == (1, 1, 1)
    assert chat["receipts"] == {
        "therapist": {"delivered_seq": 0, "read_seq": 0},
        "patient": {"delivered_seq": 0, "read_seq": 0},
    }
    assert chat["last_message_text"] == "Good morning"
    assert chat["last_message_timestamp"] == said["timestamp"]
    assert chat["last_message_sender_id"] == pair.patient_id
    assert chat["room"]["room_type"] == "therapy"
    assert chat["room"]["tags"] == []
    for value in (chat["created_at"], chat["updated_at"], chat["room"]["created_at"]):
        assert is_timestamp(value)


def test_notifications_are_ones_own_preference(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    route = f"chats/{pair.chat_id}/toggle_notifications/"
    muted = ok(therapist.post(route, json={"notifications_enabled": False}))
    assert set(muted) == DETAIL_FIELDS
    assert (muted["therapist_notifications"], muted["patient_notifications"]) == (False, True)
    again = ok(therapist.post(route, json={"notifications_enabled": False}))
    assert again == muted
    assert muted["last_seq"] == 0, "a preference is no event of the chat"
    loud = ok(patient.post(route, json={"notifications_enabled": True}))
    assert (loud["therapist_notifications"], loud["patient_notifications"]) == (False, True)
    refused(therapist.post(route, json={"notifications_enabled": "no"}), 400, "invalid")
    refused(therapist.post(route, json={}), 400, "required", "notifications_enabled")


def test_names_are_whole_where_one_of_them_is_missing(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    server.sql("UPDATE accounts_user SET last_name = '' WHERE id = %s", (pair.patient_id,))
    chat = detail(therapist, pair.chat_id)
    assert chat["patient_full_name"] == chat["patient_first_name"] == "Load"
