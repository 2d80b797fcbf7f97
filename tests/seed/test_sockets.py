"""The seed's consumers and socket routes."""

from __future__ import annotations

import httpx

from tests.api.calls import (
    ok,
    say,
)
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import chat_path, refusal
from tests.seed.talk import Talk


def test_chat_consumer_real_time_messaging(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
    ):
        desk.send("chat_message", text="Good morning", ref=1)
        ack = desk.until("chat_message", ref=1)
        assert couch.until("chat_message")["message"]["id"] == ack["message"]["id"]


def test_chat_consumer_typing_indicators(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
    ):
        couch.send("typing", is_typing=True)
        heard = desk.until("typing_indicator")
        assert (heard["user_id"], heard["is_typing"]) == (pair.patient_id, True)


def test_chat_consumer_read_receipts(server: LiveServer, talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    with (
        chat_socket(server, talk.pair.chat_id, talk.pair.therapist_token) as desk,
        chat_socket(server, talk.pair.chat_id, talk.pair.patient_token) as couch,
    ):
        couch.send("message_read", message_id=said["id"])
        receipt = desk.until("message_read_receipt")
        assert (receipt["message_id"], receipt["user_id"]) == (said["id"], talk.pair.patient_id)


def test_chat_consumer_message_management(server: LiveServer, talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id)
    with (
        chat_socket(server, talk.pair.chat_id, talk.pair.therapist_token) as desk,
        chat_socket(server, talk.pair.chat_id, talk.pair.patient_token) as couch,
    ):
        couch.send("message_edited", message_id=said["id"], text="other words")
        assert desk.until("message_edited")["new_text"] == "other words"
        couch.send("message_deleted", message_id=said["id"])
        assert desk.until("message_deleted")["message_id"] == said["id"]


def test_chat_consumer_error_handling(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as couch:
        couch.connection.send("no JSON")
        assert couch.until("error")["code"] == "invalid_json"
        couch.send("chat_message", text="still here", ref=1)
        couch.until("chat_message", ref=1)


def test_notification_consumer_user_specific_notifications(
    server: LiveServer, talk: Talk, other_pair: Pair
) -> None:
    with (
        user_socket(server, talk.pair.patient_id, talk.pair.patient_token) as phone,
        user_socket(server, other_pair.patient_id, other_pair.patient_token) as stranger,
    ):
        said = say(talk.therapist, talk.pair.chat_id)
        assert phone.until("new_message")["message"]["id"] == said["id"]
        assert stranger.silent()


def test_notification_consumer_emergency_alerts(server: LiveServer, talk: Talk) -> None:
    with user_socket(server, talk.pair.therapist_id, talk.pair.therapist_token) as pocket:
        sent = say(talk.patient, talk.pair.chat_id, "help", emergency=True)
        assert pocket.until("emergency_message")["message"]["id"] == sent["id"]
        assert pocket.until("emergency_updated")["emergency_alert"] == sent["emergency_alert"]


def test_notification_consumer_system_notifications(
    server: LiveServer, pair: Pair, admin: httpx.Client
) -> None:
    with user_socket(server, pair.patient_id, pair.patient_token) as phone:
        body = {"user_ids": [pair.patient_id], "title": "Maintenance on Sunday"}
        ok(admin.post("notifications/", json=body), 201)
        assert phone.until("notification")["notification"]["title"] == "Maintenance on Sunday"


def test_ws_chat_chat_id(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as socket:
        assert socket.received[0]["user_id"] == pair.patient_id
    assert refusal(server, chat_path(pair), other_pair.patient_token).status == 404
    assert refusal(server, chat_path(pair), None).status == 401


def test_ws_notifications_user_id(server: LiveServer, pair: Pair) -> None:
    with user_socket(server, pair.patient_id, pair.patient_token) as socket:
        assert socket.received[0]["user_id"] == pair.patient_id
    path = f"/ws/notifications/{pair.therapist_id}/"
    assert refusal(server, path, pair.patient_token).code == "identity_mismatch"
