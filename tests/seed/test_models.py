"""The seed's models: chat, message, room."""

from __future__ import annotations

import httpx

from tests.api.calls import (
    ADMIN_CHAT_FIELDS,
    APPOINTMENT,
    PRESCRIPTION,
    connect,
    is_timestamp,
    ok,
    refused,
    say,
)
from tests.attachments.files import uploaded
from tests.harness.server import LiveServer, Pair
from tests.seed.talk import Talk


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


def test_message_types(talk: Talk) -> None:
    kinds = {"text": None, "appointment": APPOINTMENT, "prescription": PRESCRIPTION}
    for kind, payload in kinds.items():
        said = say(talk.therapist, talk.pair.chat_id, message_type=kind, payload=payload)
        assert said["message_type"] == kind
    for kind in ("image", "file"):  # known types, which need an attachment
        refused(talk.try_to_say(talk.therapist, message_type=kind), 400, "attachment_required")
    refused(talk.try_to_say(talk.therapist, message_type="system"), 400, "invalid")
    refused(talk.try_to_say(talk.therapist, message_type="song"), 400, "invalid")


def test_message_file_attachments(talk: Talk) -> None:
    file = uploaded(talk.patient, talk.pair.chat_id, name="diary.txt")
    said = say(talk.patient, talk.pair.chat_id, message_type="file", attachment_id=file["id"])
    assert said["attachment_url"] == f"/api/attachments/{file['id']}/"
    assert (said["attachment_name"], said["attachment_size"]) == ("diary.txt", file["size"])
    plain = say(talk.patient, talk.pair.chat_id)
    assert (plain["attachment_url"], plain["attachment_name"]) == (None, None)
    refused(
        talk.try_to_say(talk.patient, attachment_url="http://127.0.0.1/x"), 400, "unknown_field"
    )


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
