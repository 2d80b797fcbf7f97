"""Edit, delete, restore: each a number of the chat's sequence, and nothing of it lost or leaked."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import detail, end_care, ok, refused, rows, say, set_fact
from tests.harness.server import LiveServer, Pair


def act(api: httpx.Client, message: dict[str, Any], action: str, **body: Any) -> httpx.Response:
    return api.post(f"messages/{message['id']}/{action}/", json=body)


def events(api: httpx.Client, chat_id: str, after_seq: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(
        api.get(f"chats/{chat_id}/events/?after_seq={after_seq}&limit=200")
    )["events"]
    return found


def test_an_edit_is_a_new_version_and_an_event(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "I am find")
    edited = ok(act(patient, said, "edit_message", text="I am fine"))
    assert (edited["text"], edited["edited"], edited["changed_seq"]) == ("I am fine", True, 2)
    assert edited["edited_at"] is not None
    assert edited["seq"] == said["seq"]
    seen = ok(therapist.get(f"messages/{said['id']}/"))
    assert seen == edited
    created, event = events(therapist, pair.chat_id)
    assert (created["type"], created["message"]["text"]) == ("message_created", "I am fine")
    assert (event["seq"], event["type"], event["actor_id"]) == (
        2, "message_edited", pair.patient_id,
    )  # fmt: skip
    assert event["message"] == edited
    assert detail(therapist, pair.chat_id)["last_message_text"] == "I am fine"


def test_the_same_text_again_takes_no_number(pair: Pair, patient: httpx.Client) -> None:
    said = say(patient, pair.chat_id, "same")
    again = ok(act(patient, said, "edit_message", text="same"))
    assert again == said
    assert detail(patient, pair.chat_id)["last_seq"] == 1


def test_who_may_edit_what(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "mine")
    refused(act(therapist, said, "edit_message", text="yours"), 403, "not_sender")
    refused(act(therapist, said, "delete_message"), 403, "not_sender")
    refused(act(therapist, said, "restore_message"), 403, "not_sender")
    refused(act(therapist, said, "mark_emergency"), 403, "not_sender")
    refused(act(patient, said, "edit_message", text=" \n"), 400, "blank", "text")
    refused(act(patient, said, "edit_message", text="a\x00"), 400, "null_character", "text")
    refused(act(patient, said, "edit_message", text="x" * 10_001), 400, "invalid", "text")
    refused(act(patient, said, "edit_message"), 400, "required", "text")
    refused(act(patient, said, "edit_message", text="x", seq=2), 400, "unknown_field", "seq")
    prescribed = say(therapist, pair.chat_id, "Rx", message_type="prescription")
    refused(act(therapist, prescribed, "edit_message", text="x"), 409, "prescription_immutable")
    deleted = say(patient, pair.chat_id, "gone")
    ok(act(patient, deleted, "delete_message"))
    refused(act(patient, deleted, "edit_message", text="back"), 409, "message_deleted")
    refused(act(patient, deleted, "mark_emergency"), 409, "message_deleted")
    before = rows(server)
    for missing in (f"MSG_{pair.chat_id[5:]}_999", "MSG_x", "x"):
        refused(act(patient, {"id": missing}, "edit_message", text="x"), 404, "not_found")
    assert rows(server) == before


def test_the_window_for_edits_closes(server: LiveServer, pair: Pair, patient: httpx.Client) -> None:
    said = say(patient, pair.chat_id, "long ago")
    server.sql(
        "UPDATE messaging_message SET created_at = created_at - interval '16 minutes'"
        " WHERE chat_id = %s",
        (pair.chat_id,),
    )
    refused(act(patient, said, "edit_message", text="now"), 409, "edit_window_closed")
    assert ok(act(patient, said, "delete_message"))["deleted"] is True


@pytest.mark.parametrize("fact", ["archived_at", "blocked_by_therapist_at", "care"])
def test_an_edit_needs_that_one_may_send_now(
    server: LiveServer, pair: Pair, patient: httpx.Client, fact: str
) -> None:
    said = say(patient, pair.chat_id, "before")
    if fact == "care":
        end_care(server, pair)
    else:
        set_fact(server, pair.chat_id, fact)
    code = {"archived_at": "chat_archived", "care": "relationship_ended"}.get(fact, "chat_blocked")
    refused(act(patient, said, "edit_message", text="after"), 403, code)
    # To take back what one said needs no such thing.
    assert ok(act(patient, said, "delete_message"))["text"] is None


def test_deleted_keeps_its_place_and_loses_its_words(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "a secret", payload={"also": "secret"})
    reply = say(therapist, pair.chat_id, "I see", reply_to=said["id"])
    assert reply["reply_to_text"] == "a secret"
    assert detail(therapist, pair.chat_id)["unread_count"] == 1
    gone = ok(act(patient, said, "delete_message"))
    assert (gone["text"], gone["payload"], gone["deleted"]) == (None, None, True)
    assert (gone["deleted_by"], gone["changed_seq"]) == (pair.patient_id, 3)
    assert gone["deleted_at"] is not None
    again = ok(act(patient, said, "delete_message"))
    assert again == gone
    assert detail(therapist, pair.chat_id)["unread_count"] == 0
    page = ok(therapist.get(f"messages/?chat_id={pair.chat_id}"))["results"]
    assert [message["seq"] for message in page] == [2, 1]
    assert (page[1]["text"], page[0]["reply_to_text"]) == (None, None)
    listed = ok(therapist.get(f"messages/?chat_id={pair.chat_id}&exclude_deleted=true"))
    assert [message["seq"] for message in listed["results"]] == [2]
    assert "secret" not in therapist.get(f"chats/{pair.chat_id}/events/").text


def test_restored_is_unread_anew(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "words", payload={"n": 1})
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    ok(act(patient, said, "delete_message"))
    back = ok(act(patient, said, "restore_message"))
    assert (back["text"], back["payload"], back["deleted"]) == ("words", {"n": 1}, False)
    assert (back["seq"], back["changed_seq"], back["deleted_at"]) == (1, 3, None)
    assert (back["read_status"], back["read_at"], back["delivered_at"]) == ("sent", None, None)
    assert ok(act(patient, said, "restore_message")) == back
    assert detail(therapist, pair.chat_id)["unread_count"] == 1
    assert ok(therapist.get("chats/?unread=true"))["results"][0]["id"] == pair.chat_id
    assert ok(act(therapist, said, "mark_read"))["read_status"] == "read"
    assert detail(therapist, pair.chat_id)["unread_count"] == 0
    assert detail(therapist, pair.chat_id)["receipts"]["therapist"]["read_seq"] == 3
    read = ok(patient.get(f"messages/{said['id']}/"))
    assert (read["read_status"], read["read_by"]) == ("read", pair.therapist_id)
    assert read["read_at"] is not None
    assert [event["type"] for event in events(patient, pair.chat_id)] == [
        "message_created", "message_deleted", "message_restored",
    ]  # fmt: skip


def test_a_deleted_last_message_leaves_no_preview(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "the last word")
    ok(act(patient, said, "delete_message"))
    chat = detail(therapist, pair.chat_id)
    assert (chat["last_message_text"], chat["last_message_sender_id"]) == (None, pair.patient_id)
    ok(act(patient, said, "restore_message"))
    assert detail(therapist, pair.chat_id)["last_message_text"] == "the last word"


def test_the_numbers_have_no_gap_whatever_happens(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first = say(patient, pair.chat_id, "1")
    ok(act(patient, first, "edit_message", text="one"))
    ok(act(patient, first, "mark_emergency"))
    second = say(therapist, pair.chat_id, "2")
    ok(act(therapist, second, "delete_message"))
    ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "archived"}))
    ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "active"}))
    found = events(patient, pair.chat_id)
    assert [event["seq"] for event in found] == list(range(1, len(found) + 1))
    assert [event["type"] for event in found] == [
        "message_created", "message_edited", "emergency_flagged", "message_created",
        "message_deleted", "status_changed", "message_created", "status_changed",
        "message_created",
    ]  # fmt: skip
    for page_size in (1, 2, 5):
        got: list[dict[str, Any]] = []
        while len(got) < len(found):
            after = got[-1]["seq"] if got else 0
            path = f"chats/{pair.chat_id}/events/?after_seq={after}&limit={page_size}"
            got += ok(patient.get(path))["events"]
        assert got == found
