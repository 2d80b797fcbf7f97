"""The seed's endpoints."""

from __future__ import annotations

from tests.api.calls import (
    ok,
    refused,
    say,
)
from tests.seed.talk import Talk


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
