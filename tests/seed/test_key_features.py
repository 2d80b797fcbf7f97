"""The seed's key features."""

from __future__ import annotations

import httpx

from tests.api.calls import (
    PRESCRIPTION,
    is_timestamp,
    ok,
    refused,
    say,
)
from tests.attachments.files import PDF, png, uploaded
from tests.harness.server import LiveServer
from tests.harness.sockets import user_socket
from tests.realtime.tools import chat_path, refusal
from tests.seed.talk import Talk


def test_text_messages(talk: Talk) -> None:
    text = "Grüße 👩‍👩‍👧 \u202eabc\u202c\n  kept as it was sent  "
    said = say(talk.patient, talk.pair.chat_id, text)
    assert ok(talk.therapist.get(f"messages/{said['id']}/"))["text"] == text


def test_file_attachments(talk: Talk) -> None:
    for content, name, kind, type_ in (
        (png(), "picture.png", "image", "image/png"),
        (PDF, "letter.pdf", "file", "application/pdf"),
    ):
        file = uploaded(talk.therapist, talk.pair.chat_id, content, name=name, kind=type_)
        say(talk.therapist, talk.pair.chat_id, message_type=kind, attachment_id=file["id"])
        fetched = talk.patient.get(f"attachments/{file['id']}/")
        assert (fetched.status_code, fetched.headers["Content-Type"]) == (200, type_)
        assert len(fetched.content) == file["size"]


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
