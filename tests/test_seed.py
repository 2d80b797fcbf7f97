"""Every line of the seed's lists, proved for real: over REST, on sockets, in the database.

Each test is named after its line; `docs/guide/seed-features.md` says which is which. They are short
on purpose: the whole of each promise is tested beside what keeps it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.api.calls import (
    ADMIN_CHAT_FIELDS,
    APPOINTMENT,
    CHAT_FIELDS,
    DETAIL_FIELDS,
    MESSAGE_FIELDS,
    PRESCRIPTION,
    ROOM_FIELDS,
    claims_of,
    connect,
    detail,
    is_timestamp,
    ok,
    refused,
    say,
)
from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import chat_path, refusal

GUIDE = ROOT / "docs" / "guide" / "seed-features.md"


@dataclass(frozen=True)
class Talk:
    """A pair with an empty chat, and a client for each."""

    pair: Pair
    therapist: httpx.Client
    patient: httpx.Client

    @property
    def chat(self) -> str:
        return f"chats/{self.pair.chat_id}"

    @property
    def room(self) -> str:
        return f"chat-rooms/ROOM_{self.pair.chat_id[5:]}"

    def status(self, status: str) -> Any:
        return ok(self.therapist.post(f"{self.chat}/update_status/", json={"status": status}))

    def permit(self, **permissions: bool) -> Any:
        return ok(self.therapist.post(f"{self.room}/update_permissions/", json=permissions))

    def try_to_say(self, api: httpx.Client, **fields: Any) -> httpx.Response:
        body = {"chat_id": self.pair.chat_id, "text": "hi", **fields}
        return api.post("messages/send_message/", json=body)

    def as_patient(self) -> dict[str, Any]:
        return detail(self.patient, self.pair.chat_id)


@pytest.fixture
def talk(server: LiveServer, pair: Pair) -> Iterator[Talk]:
    with connect(server, pair.therapist_token) as one, connect(server, pair.patient_token) as two:
        yield Talk(pair, one, two)


@pytest.fixture
def admin(server: LiveServer, admin_token: str) -> Iterator[httpx.Client]:
    with connect(server, admin_token) as api:
        yield api


# --- 1. enhanced database models: chat ------------------------------------------------------------


def test_chat_status_management(talk: Talk, admin: httpx.Client) -> None:
    for status in ("archived", "blocked", "active", "deleted"):
        assert talk.status(status)["status"] == status
    refused(talk.patient.get(f"{talk.chat}/"), 404, "not_found")
    restored = ok(admin.post(f"{talk.chat}/update_status/", json={"status": "active"}))
    assert (restored["status"], set(restored)) == ("active", ADMIN_CHAT_FIELDS)


def test_chat_last_message_tracking(talk: Talk) -> None:
    assert talk.as_patient()["last_message_text"] is None
    said = say(talk.therapist, talk.pair.chat_id, "See you on Tuesday")
    found = talk.as_patient()
    assert found["last_message_text"] == "See you on Tuesday"
    assert found["last_message_timestamp"] == said["timestamp"]
    assert found["last_message_sender_id"] == talk.pair.therapist_id


def test_chat_unread_counts(talk: Talk) -> None:
    for _ in range(2):
        say(talk.patient, talk.pair.chat_id)
    say(talk.therapist, talk.pair.chat_id)
    found = talk.as_patient()
    assert (found["therapist_unread_count"], found["patient_unread_count"]) == (2, 1)


def test_chat_notification_settings(talk: Talk) -> None:
    mute = {"notifications_enabled": False}
    ok(talk.patient.post(f"{talk.chat}/toggle_notifications/", json=mute))
    found = talk.as_patient()
    assert (found["therapist_notifications"], found["patient_notifications"]) == (True, False)


def test_chat_helper_methods(talk: Talk) -> None:
    assert talk.as_patient()["other_participant"]["id"] == talk.pair.therapist_id
    say(talk.therapist, talk.pair.chat_id)
    assert talk.as_patient()["unread_count"] == 1
    assert ok(talk.patient.post(f"{talk.chat}/mark_all_read/"))["unread_count"] == 0


# --- 1. enhanced database models: message ---------------------------------------------------------


def test_message_types(talk: Talk) -> None:
    kinds = {"text": None, "appointment": APPOINTMENT, "prescription": PRESCRIPTION}
    for kind, payload in kinds.items():
        said = say(talk.therapist, talk.pair.chat_id, message_type=kind, payload=payload)
        assert said["message_type"] == kind
    for kind in ("image", "file"):  # known types, which need an attachment
        refused(talk.try_to_say(talk.therapist, message_type=kind), 400, "attachment_required")
    refused(talk.try_to_say(talk.therapist, message_type="system"), 400, "invalid")
    refused(talk.try_to_say(talk.therapist, message_type="song"), 400, "invalid")


def test_message_read_receipts(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    assert said["read_status"] == "sent"
    for action, status in (("mark_delivered", "delivered"), ("mark_read", "read")):
        marked = ok(talk.patient.post(f"messages/{said['id']}/{action}/"))
        assert marked["read_status"] == status
        assert is_timestamp(marked[f"{status}_at"])


def test_message_reply_functionality(talk: Talk) -> None:
    first = say(talk.therapist, talk.pair.chat_id, "How did you sleep?")
    reply = say(talk.patient, talk.pair.chat_id, "Better", reply_to=first["id"])
    assert (reply["reply_to"], reply["reply_to_text"]) == (first["id"], "How did you sleep?")


def test_message_edit_history_and_soft_deletion(server: LiveServer, talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "one")
    ok(talk.patient.post(f"messages/{said['id']}/edit_message/", json={"text": "two"}))
    ok(talk.patient.post(f"messages/{said['id']}/delete_message/"))
    ((version, deleted),) = server.sql(
        "SELECT version, deleted_at IS NOT NULL FROM messaging_message WHERE chat_id = %s",
        (talk.pair.chat_id,),
    )
    assert (version, deleted) == (2, True)


def test_message_database_indexes(server: LiveServer) -> None:
    """By chat and number, by sender, and by what is not read: as this product asks for them."""
    found = dict(server.sql(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'messaging_%%'"
    ))  # fmt: skip
    definitions = " ".join(found.values())
    assert "messaging_message USING btree (chat_id, seq)" in definitions
    assert "(chat_id, sender_id, client_message_id)" in definitions
    assert "(chat_id, reader_id, kind, up_to_seq)" in definitions
    assert {"chat_of_therapist", "chat_of_patient", "message_restored"} <= set(found)


# --- 1. enhanced database models: chat room -------------------------------------------------------


def test_room_types(talk: Talk) -> None:
    for kind in ("therapy", "consultation", "emergency", "general"):
        changed = ok(talk.therapist.patch(f"{talk.room}/", json={"room_type": kind}))
        assert changed["room_type"] == kind
    refused(talk.therapist.patch(f"{talk.room}/", json={"room_type": "kitchen"}), 400, "invalid")


def test_room_granular_permissions(talk: Talk) -> None:
    names = ("therapist_can_send", "patient_can_send", "therapist_can_see_history",
             "patient_can_see_history")  # fmt: skip
    for name in names:
        room = talk.permit(**{name: False})
        assert [other for other in names if not room[other]] == [name]
        talk.permit(**{name: True})


def test_room_management(talk: Talk) -> None:
    words = {"description": "Every second Tuesday", "tags": ["sleep", "work"]}
    changed = ok(talk.therapist.patch(f"{talk.room}/", json=words))
    assert {name: changed[name] for name in words} == words
    assert ok(talk.therapist.post(f"{talk.room}/archive_room/"))["is_active"] is False
    assert ok(talk.therapist.post(f"{talk.room}/activate_room/"))["is_active"] is True


def test_room_access_control(server: LiveServer, talk: Talk, other_pair: Pair) -> None:
    refused(talk.patient.post(f"{talk.room}/archive_room/"), 403, "therapist_only")
    with connect(server, other_pair.therapist_token) as stranger:
        refused(stranger.get(f"{talk.room}/"), 404, "not_found")
        refused(stranger.post(f"{talk.room}/archive_room/"), 404, "not_found")


# --- 2. advanced API endpoints --------------------------------------------------------------------


def test_post_chats_create_or_get_chat(talk: Talk) -> None:
    body = {"therapist_id": talk.pair.therapist_id, "patient_id": talk.pair.patient_id}
    found = ok(talk.patient.post("chats/create_or_get_chat/", json=body))
    assert found["id"] == f"CHAT_{talk.pair.therapist_id}_{talk.pair.patient_id}"


def test_get_chats_get_user_chats(talk: Talk) -> None:
    own = f"chats/get_user_chats/?user_id={talk.pair.therapist_id}"
    assert [chat["id"] for chat in ok(talk.therapist.get(own))["results"]] == [talk.pair.chat_id]
    refused(talk.patient.get(own), 403, "identity_mismatch")


def test_post_chats_id_update_status(talk: Talk) -> None:
    assert talk.status("archived")["status"] == talk.as_patient()["status"] == "archived"
    refused(talk.try_to_say(talk.patient), 403, "chat_archived")


def test_post_chats_id_toggle_notifications(talk: Talk) -> None:
    for enabled in (False, True):
        body = {"notifications_enabled": enabled}
        found = ok(talk.therapist.post(f"{talk.chat}/toggle_notifications/", json=body))
        assert found["therapist_notifications"] is enabled


def test_post_chats_id_mark_all_read(talk: Talk) -> None:
    for _ in range(3):
        say(talk.therapist, talk.pair.chat_id)
    found = ok(talk.patient.post(f"{talk.chat}/mark_all_read/"))
    assert (found["patient_unread_count"], found["receipts"]["patient"]["read_seq"]) == (0, 3)


def test_post_messages_send_message(talk: Talk) -> None:
    body = {"chat_id": talk.pair.chat_id, "text": "Hello!", "message_type": "text"}
    sent = ok(talk.therapist.post("messages/send_message/", json=body), 201)
    assert (sent["text"], sent["sender_id"], sent["seq"]) == ("Hello!", talk.pair.therapist_id, 1)


def test_post_messages_id_mark_read(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    marked = ok(talk.patient.post(f"messages/{said['id']}/mark_read/"))
    assert (marked["read_status"], marked["read_by"]) == ("read", talk.pair.patient_id)


def test_post_messages_id_edit_message(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "find")
    edited = ok(talk.patient.post(f"messages/{said['id']}/edit_message/", json={"text": "fine"}))
    assert (edited["text"], edited["edited"]) == ("fine", True)
    assert ok(talk.therapist.get(f"messages/{said['id']}/"))["text"] == "fine"


def test_post_messages_id_delete_message(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "never mind")
    deleted = ok(talk.patient.post(f"messages/{said['id']}/delete_message/"))
    assert (deleted["deleted"], deleted["text"]) == (True, None)
    assert deleted["deleted_by"] == talk.pair.patient_id


def test_get_messages_get_unread_messages(talk: Talk) -> None:
    said = [say(talk.therapist, talk.pair.chat_id)["id"] for _ in range(2)]
    unread = f"messages/get_unread_messages/?user_id={talk.pair.patient_id}"
    assert [m["id"] for m in ok(talk.patient.get(unread))["results"]] == said[::-1]
    ok(talk.patient.post(f"messages/{said[0]}/mark_read/"))
    assert [m["id"] for m in ok(talk.patient.get(unread))["results"]] == said[1:]


def test_post_chat_rooms_id_update_permissions(talk: Talk) -> None:
    assert talk.permit(patient_can_send=False)["patient_can_send"] is False
    refused(talk.try_to_say(talk.patient), 403, "sending_not_permitted")
    say(talk.therapist, talk.pair.chat_id)


def test_post_chat_rooms_id_archive_room(talk: Talk) -> None:
    assert ok(talk.therapist.post(f"{talk.room}/archive_room/"))["is_active"] is False
    for api in (talk.therapist, talk.patient):
        refused(talk.try_to_say(api), 403, "room_archived")


def test_post_chat_rooms_id_activate_room(talk: Talk) -> None:
    ok(talk.therapist.post(f"{talk.room}/archive_room/"))
    assert ok(talk.therapist.post(f"{talk.room}/activate_room/"))["is_active"] is True
    say(talk.patient, talk.pair.chat_id)


# --- 3. real-time WebSocket support ---------------------------------------------------------------


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


# --- 4. enhanced serializers ----------------------------------------------------------------------


def test_chat_serializer(talk: Talk) -> None:
    assert set(talk.status("archived")) == DETAIL_FIELDS


def test_chat_list_serializer(talk: Talk) -> None:
    (listed,) = ok(talk.therapist.get("chats/"))["results"]
    assert set(listed) == CHAT_FIELDS


def test_chat_detail_serializer(talk: Talk) -> None:
    found = talk.as_patient()
    assert set(found) == DETAIL_FIELDS
    assert found["other_participant"]["full_name"] == found["therapist_full_name"]


def test_message_serializer(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    assert set(ok(talk.patient.get(f"messages/{said['id']}/"))) == MESSAGE_FIELDS


def test_message_list_serializer(talk: Talk) -> None:
    say(talk.therapist, talk.pair.chat_id)
    (listed,) = ok(talk.patient.get(f"messages/?chat_id={talk.pair.chat_id}"))["results"]
    assert set(listed) == MESSAGE_FIELDS


def test_message_create_serializer(talk: Talk) -> None:
    refused(talk.patient.post("messages/", json={"text": 1}), 400, "required", "chat_id")
    refused(talk.try_to_say(talk.patient, text=1), 400, "invalid", "text")
    refused(talk.try_to_say(talk.patient, colour="red"), 400, "unknown_field", "colour")


def test_chat_room_serializer(talk: Talk) -> None:
    assert set(ok(talk.patient.get(f"{talk.room}/"))) == ROOM_FIELDS


def test_chat_room_list_serializer(talk: Talk) -> None:
    (listed,) = ok(talk.patient.get("chat-rooms/"))["results"]
    assert set(listed) == {"id", "chat_id", "room_type", "is_active"}


# --- 5. security and validation -------------------------------------------------------------------


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


# --- 6. infrastructure ----------------------------------------------------------------------------


def test_database_migration(server: LiveServer, tmp_path: Path) -> None:
    """`migrate` on an empty database: the fields, tables and indexes that the seed names."""
    assert server.database_url is not None
    with own_database(server.database_url) as url:
        env = {**os.environ, "DATABASE_URL": url, "THERAPYCONNECT_DATA": str(tmp_path),
               "THERAPYCONNECT_MODE": "demo"}  # fmt: skip
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, timeout=120)
        with psycopg.connect(url) as database:
            columns = database.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_name LIKE 'messaging_%%'"
            ).fetchall()
            indexes = {
                name
                for (name,) in database.execute(
                    "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'messaging_%%'"
                )
            }
    found: dict[str, set[str]] = {}
    for table, column in columns:
        found.setdefault(table, set()).add(column)
    assert found["messaging_chat"] >= {
        "archived_at", "blocked_by_therapist_at", "blocked_by_patient_at", "deleted_at",
        "last_message_seq", "therapist_unread_count", "patient_unread_count",
        "therapist_notifications", "patient_notifications",
    }  # fmt: skip
    assert found["messaging_message"] >= {
        "sender_id", "message_type", "emergency", "attachment_id", "reply_to_seq", "edited_at",
        "deleted_at", "deleted_by_id",
    }  # fmt: skip
    assert found["messaging_chatroom"] >= {
        "room_type", "description_sealed", "tags_sealed", "archived_at", "therapist_can_send",
        "patient_can_send", "therapist_can_see_history", "patient_can_see_history",
    }  # fmt: skip
    assert indexes >= {"chat_of_therapist", "chat_of_patient", "message_once_per_client_id"}


def test_asgi_application(server: LiveServer, pair: Pair) -> None:
    """One application serves HTTP and sockets."""
    assert httpx.get(f"{server.base}/health/live").status_code == 200
    with chat_socket(server, pair.chat_id, pair.patient_token):
        pass


def test_jwt_authentication(server: LiveServer, pair: Pair) -> None:
    token = server.login(f"{pair.patient_id}@demo.test")["access_token"]
    assert claims_of(token)["sub"] == pair.patient_id
    with connect(server, token) as api:
        assert ok(api.get("me/"))["id"] == pair.patient_id
    head, payload, signature = token.split(".")
    for wrong in (None, f"{head}.{payload}.", f"{head}.{payload}.{signature[::-1]}"):
        with connect(server, wrong) as api:
            refused(api.get("me/"), 401, "not_authenticated")


def test_cors_configuration(server: LiveServer) -> None:
    with connect(server, None) as api:
        for origin, allowed in ((server.base, server.base), ("http://evil.test", None)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = api.options("messages/", headers=asked)
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed


# --- key features ---------------------------------------------------------------------------------


def test_text_messages(talk: Talk) -> None:
    text = "Grüße 👩‍👩‍👧 \u202eabc\u202c\n  kept as it was sent  "
    said = say(talk.patient, talk.pair.chat_id, text)
    assert ok(talk.therapist.get(f"messages/{said['id']}/"))["text"] == text


def test_system_messages(talk: Talk) -> None:
    talk.status("archived")
    (notice,) = ok(talk.patient.get(f"messages/?chat_id={talk.pair.chat_id}"))["results"]
    assert (notice["message_type"], notice["sender_id"]) == ("system", None)
    assert notice["payload"]["event"] == "chat_archived"


def test_appointment_messages(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id, "Tuesday?", message_type="appointment")
    answer = talk.patient.post(f"messages/{said['id']}/answer/", json={"answer": "accept"})
    assert ok(answer)["payload"]["status"] == "accepted"
    file = talk.patient.get(f"messages/{said['id']}/calendar.ics")
    assert "DTSTART" in file.text


def test_prescription_messages(talk: Talk) -> None:
    fields = {"message_type": "prescription", "payload": PRESCRIPTION}
    assert say(talk.therapist, talk.pair.chat_id, **fields)["payload"]["drug"] == "Sertraline"
    refused(talk.try_to_say(talk.patient, **fields), 400, "prescription_by_therapist")


def test_three_states(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id)
    states = [said["read_status"]]
    for action in ("mark_delivered", "mark_read"):
        ok(talk.therapist.post(f"messages/{said['id']}/{action}/"))
        states.append(ok(talk.patient.get(f"messages/{said['id']}/"))["read_status"])
    assert states == ["sent", "delivered", "read"]


def test_automatic_tracking(talk: Talk) -> None:
    said = [say(talk.patient, talk.pair.chat_id) for _ in range(2)]
    ok(talk.therapist.post(f"messages/{said[1]['id']}/mark_read/"))
    first = ok(talk.patient.get(f"messages/{said[0]['id']}/"))  # read with what came after it
    assert (first["read_by"], is_timestamp(first["read_at"])) == (talk.pair.therapist_id, True)


def test_real_time_updates(server: LiveServer, talk: Talk) -> None:
    with user_socket(server, talk.pair.patient_id, talk.pair.patient_token) as phone:
        said = say(talk.patient, talk.pair.chat_id)
        ok(talk.therapist.post(f"messages/{said['id']}/mark_read/"))
        assert phone.until("message_read_receipt")["chat_id"] == talk.pair.chat_id


def test_edit_history(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "one")
    for text in ("two", "three"):
        ok(talk.patient.post(f"messages/{said['id']}/edit_message/", json={"text": text}))
    versions = ok(talk.therapist.get(f"messages/{said['id']}/history/"))["results"]
    assert [version["text"] for version in versions] == ["one", "two"]


def test_soft_deletion(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "back again")
    ok(talk.patient.post(f"messages/{said['id']}/delete_message/"))
    assert ok(talk.therapist.get(f"messages/{said['id']}/"))["text"] is None
    ok(talk.patient.post(f"messages/{said['id']}/restore_message/"))
    assert ok(talk.therapist.get(f"messages/{said['id']}/"))["text"] == "back again"


def test_reply_threading(talk: Talk) -> None:
    thread = [say(talk.therapist, talk.pair.chat_id, "0")]
    for number, api in ((1, talk.patient), (2, talk.therapist)):
        thread.append(say(api, talk.pair.chat_id, str(number), reply_to=thread[-1]["id"]))
    page = ok(talk.patient.get(f"messages/?chat_id={talk.pair.chat_id}&after_seq=0"))["results"]
    assert [m["reply_to_text"] for m in page] == [None, "0", "1"]


def test_emergency_flagging(talk: Talk) -> None:
    said = say(talk.patient, talk.pair.chat_id, "I can't go on")
    flagged = ok(talk.patient.post(f"messages/{said['id']}/mark_emergency/"))
    assert flagged["emergency"] is True
    assert flagged["crisis_resources"]
    (alert,) = ok(talk.therapist.get("emergencies/"))["results"]
    assert alert == flagged["emergency_alert"]
    first = ok(talk.therapist.get("chats/?ordering=priority"))["results"][0]
    assert first["id"] == talk.pair.chat_id


def test_status_control(server: LiveServer, talk: Talk) -> None:
    for status, code in (("archived", "chat_archived"), ("blocked", "chat_blocked")):
        talk.status(status)
        refused(talk.try_to_say(talk.patient), 403, code)
    assert refusal(server, chat_path(talk.pair), talk.pair.patient_token).code == "chat_blocked"
    talk.status("active")
    say(talk.patient, talk.pair.chat_id)
    talk.status("deleted")
    refused(talk.try_to_say(talk.patient), 404, "not_found")


def test_notification_preferences(server: LiveServer, talk: Talk) -> None:
    mute = {"notifications_enabled": False}
    ok(talk.patient.post(f"{talk.chat}/toggle_notifications/", json=mute))
    with user_socket(server, talk.pair.patient_id, talk.pair.patient_token) as phone:
        say(talk.therapist, talk.pair.chat_id)
        assert phone.until("new_message")["notify"] is False


def test_unread_badge_updates(server: LiveServer, talk: Talk) -> None:
    with user_socket(server, talk.pair.patient_id, talk.pair.patient_token) as phone:
        for count in (1, 2):
            say(talk.therapist, talk.pair.chat_id)
            phone.until("new_message")
            assert talk.as_patient()["unread_count"] == count


def test_last_message_preview(talk: Talk) -> None:
    say(talk.therapist, talk.pair.chat_id, "first")
    said = say(talk.patient, talk.pair.chat_id, "second")
    assert ok(talk.therapist.get("chats/"))["results"][0]["last_message_text"] == "second"
    ok(talk.patient.post(f"messages/{said['id']}/delete_message/"))
    assert ok(talk.therapist.get("chats/"))["results"][0]["last_message_text"] is None


def test_granular_control(talk: Talk) -> None:
    talk.permit(therapist_can_send=False)
    refused(talk.try_to_say(talk.therapist), 403, "sending_not_permitted")
    say(talk.patient, talk.pair.chat_id)


def test_room_level_access(talk: Talk, admin: httpx.Client) -> None:
    ok(admin.post(f"{talk.room}/archive_room/"))
    refused(talk.try_to_say(talk.therapist), 403, "room_archived")
    assert say(talk.patient, talk.pair.chat_id, "help", emergency=True)["emergency_alert"]


def test_history_visibility(talk: Talk) -> None:
    old = say(talk.therapist, talk.pair.chat_id, "before")
    talk.permit(patient_can_see_history=False)
    new = say(talk.therapist, talk.pair.chat_id, "after")
    history = f"messages/?chat_id={talk.pair.chat_id}&message_type=text"
    assert [m["id"] for m in ok(talk.patient.get(history))["results"]] == [new["id"]]
    refused(talk.patient.get(f"messages/{old['id']}/"), 404, "not_found")
    talk.permit(patient_can_see_history=True)
    assert len(ok(talk.patient.get(history))["results"]) == 2


# --- the guide ------------------------------------------------------------------------------------


def test_the_guide_lists_every_one_of_these() -> None:
    listed = re.findall(r"`(test_\w+)`", GUIDE.read_text())
    here = [name for name in globals() if name.startswith("test_")]
    here.remove("test_the_guide_lists_every_one_of_these")
    assert sorted(set(listed)) == sorted(here)
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    for row in rows[1:]:
        assert "`test_" in row or "later" in row or row.startswith("| line"), row
