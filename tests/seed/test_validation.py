"""The seed's permission checks and data validation."""

from __future__ import annotations

import httpx

from tests.api.calls import (
    connect,
    refused,
    say,
)
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket
from tests.seed.talk import Talk


def test_user_participation_validation(server: LiveServer, talk: Talk, other_pair: Pair) -> None:
    with connect(server, other_pair.patient_token) as stranger:
        refused(talk.try_to_say(stranger), 404, "not_found")
        refused(stranger.get(f"messages/?chat_id={talk.pair.chat_id}"), 404, "not_found")


def test_message_ownership_verification(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    path = f"messages/{said['id']}"
    refused(talk.patient.post(f"{path}/edit_message/", json={"text": "x"}), 403, "not_sender")
    refused(talk.patient.post(f"{path}/delete_message/"), 403, "not_sender")


def test_chat_access_control(server: LiveServer, talk: Talk, other_pair: Pair) -> None:
    with connect(server, other_pair.therapist_token) as stranger:
        real, absent = (stranger.get(f"{path}/") for path in (talk.chat, "chats/CHAT_t_a_p_b"))
        assert real.status_code == absent.status_code == 404
        assert real.json()["errors"] == absent.json()["errors"]


def test_room_permission_enforcement(server: LiveServer, talk: Talk) -> None:
    talk.permit(patient_can_send=False)
    refused(talk.try_to_say(talk.patient), 403, "sending_not_permitted")
    with chat_socket(server, talk.pair.chat_id, talk.pair.patient_token) as couch:
        couch.send("chat_message", text="hi", ref=1)
        assert couch.until("error", ref=1)["code"] == "sending_not_permitted"


def test_message_content_validation(talk: Talk) -> None:
    for text, code in (("", "invalid"), (" \n", "blank"), ("a\x00", "null_character"),
                       ("x" * 10_001, "invalid")):  # fmt: skip
        refused(talk.try_to_say(talk.patient, text=text), 400, code, "text")
    assert (
        say(talk.patient, talk.pair.chat_id, "<b>&amp;' OR 1=1--")["text"] == "<b>&amp;' OR 1=1--"
    )


def test_user_id_verification(talk: Talk) -> None:
    forged = talk.try_to_say(talk.patient, sender_id=talk.pair.therapist_id)
    refused(forged, 403, "identity_mismatch", "sender_id")
    assert say(talk.patient, talk.pair.chat_id, sender_id=talk.pair.patient_id)["seq"] == 1


def test_chat_existence_checks(talk: Talk) -> None:
    absent = talk.try_to_say(talk.patient, chat_id=f"CHAT_t_nobody000_{talk.pair.patient_id}")
    refused(absent, 404, "not_found")
    unknown = {"therapist_id": "t_nobody000", "patient_id": talk.pair.patient_id}
    refused(talk.patient.post("chats/create_or_get_chat/", json=unknown), 404, "not_found")


def test_permission_based_operations(talk: Talk, admin: httpx.Client) -> None:
    archive = {"status": "archived"}
    refused(talk.patient.post(f"{talk.chat}/update_status/", json=archive), 403, "therapist_only")
    refused(admin.get(f"messages/?chat_id={talk.pair.chat_id}"), 404, "not_found")
