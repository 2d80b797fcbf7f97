"""A chat's status: who may set and lift it, and what each does."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import ADMIN_CHAT_FIELDS, detail, end_care, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair


def set_status(api: httpx.Client, pair: Pair, status: str) -> httpx.Response:
    return api.post(f"chats/{pair.chat_id}/update_status/", json={"status": status})


def test_the_therapist_archives_and_opens_again(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    assert ok(set_status(therapist, pair, "archived"))["status"] == "archived"
    refused(patient.post("messages/", json={"chat_id": pair.chat_id, "text": "x"}),
            403, "chat_archived")  # fmt: skip
    refused(set_status(patient, pair, "active"), 403, "therapist_only", "status")
    assert [c["id"] for c in ok(patient.get("chats/?status=archived"))["results"]] == [pair.chat_id]
    said = ok(patient.get(f"messages/?chat_id={pair.chat_id}"))["results"]
    assert [(m["message_type"], m["sender_id"], m["payload"]) for m in said] == [
        ("system", None, {"event": "chat_archived"})
    ]
    assert detail(patient, pair.chat_id)["unread_count"] == 0
    assert ok(set_status(therapist, pair, "active"))["status"] == "active"
    say(patient, pair.chat_id, "back")


def test_the_same_status_takes_no_number(pair: Pair, therapist: httpx.Client) -> None:
    assert ok(set_status(therapist, pair, "active"))["last_seq"] == 0
    ok(set_status(therapist, pair, "archived"))
    assert ok(set_status(therapist, pair, "archived"))["last_seq"] == 2


def test_a_patient_neither_archives_nor_deletes(pair: Pair, patient: httpx.Client) -> None:
    refused(set_status(patient, pair, "archived"), 403, "therapist_only", "status")
    refused(set_status(patient, pair, "deleted"), 403, "therapist_only", "status")
    refused(patient.delete(f"chats/{pair.chat_id}/"), 403, "therapist_only", "status")
    refused(set_status(patient, pair, "closed"), 400, "invalid", "status")


def test_each_lifts_only_their_own_block(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "before")
    assert ok(set_status(patient, pair, "blocked"))["status"] == "blocked"
    refused(set_status(therapist, pair, "active"), 403, "blocked_by_other", "status")
    assert ok(set_status(therapist, pair, "blocked"))["last_seq"] == 3  # both block now
    assert ok(set_status(therapist, pair, "active"))["status"] == "blocked"
    refused(set_status(therapist, pair, "active"), 403, "blocked_by_other", "status")
    for api in (therapist, patient):
        body = {"chat_id": pair.chat_id, "text": "x"}
        refused(api.post("messages/", json=body), 403, "chat_blocked")
        # Reading what was said stays; being told that it was read does not.
        assert ok(api.get(f"messages/{said['id']}/"))["text"] == "before"
    refused(therapist.post(f"messages/{said['id']}/mark_read/"), 403, "chat_blocked")
    assert detail(patient, pair.chat_id)["other_participant"]["online"] is None
    assert ok(set_status(patient, pair, "active"))["status"] == "active"
    ok(therapist.post(f"messages/{said['id']}/mark_read/"))


def test_a_block_shows_before_an_archive(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    ok(set_status(therapist, pair, "archived"))
    assert ok(set_status(patient, pair, "blocked"))["status"] == "blocked"
    assert ok(set_status(therapist, pair, "active"))["status"] == "blocked"  # archive is lifted
    assert ok(set_status(patient, pair, "active"))["status"] == "active"


@pytest.mark.parametrize("how", ["status", "delete"])
def test_a_deleted_chat_is_gone_until_an_admin_restores_it(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    admin: httpx.Client, how: str,
) -> None:  # fmt: skip
    say(patient, pair.chat_id, "kept")
    if how == "status":
        gone = ok(set_status(therapist, pair, "deleted"))
    else:
        gone = ok(therapist.delete(f"chats/{pair.chat_id}/"))
    assert (gone["status"], gone["id"]) == ("deleted", pair.chat_id)
    before = rows(server)
    for api in (therapist, patient):
        refused(api.get(f"chats/{pair.chat_id}/"), 404, "not_found")
        refused(api.get(f"chats/{pair.chat_id}/events/"), 404, "not_found")
        refused(api.get(f"messages/?chat_id={pair.chat_id}"), 404, "not_found")
        refused(api.get(f"messages/MSG_{pair.chat_id[5:]}_1/"), 404, "not_found")
        refused(set_status(api, pair, "active"), 404, "not_found")
        refused(api.delete(f"chats/{pair.chat_id}/"), 404, "not_found")
        assert ok(api.get("chats/"))["results"] == []
    assert rows(server) == before
    refused(set_status(admin, pair, "archived"), 403, "not_a_participant")
    restored = ok(set_status(admin, pair, "active"))
    assert set(restored) == ADMIN_CHAT_FIELDS
    assert restored["status"] == "active"
    assert detail(patient, pair.chat_id)["last_message_text"] == "kept"


def test_after_the_care_the_chat_can_only_be_read(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    say(patient, pair.chat_id, "kept")
    end_care(server, pair)
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/"
    for answer in (
        set_status(therapist, pair, "deleted"),
        therapist.delete(f"chats/{pair.chat_id}/"),
        therapist.patch(room, json={"description": "x"}),
        therapist.post(f"{room}update_permissions/", json={"patient_can_see_history": False}),
        therapist.post(f"{room}archive_room/"),
    ):
        refused(answer, 403, "relationship_ended")
    assert detail(patient, pair.chat_id)["last_message_text"] == "kept"
    # To put it aside, or to block, is one's own affair.
    assert ok(set_status(therapist, pair, "archived"))["status"] == "archived"
    assert ok(set_status(patient, pair, "blocked"))["status"] == "blocked"


def test_mark_unread_is_private_and_goes_with_the_horizon(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    say(patient, pair.chat_id, "hm")
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    marked = ok(therapist.post(f"chats/{pair.chat_id}/mark_unread/", json={}))
    assert (marked["marked_unread"], marked["unread_count"], marked["last_seq"]) == (True, 0, 1)
    assert detail(patient, pair.chat_id)["marked_unread"] is False
    assert len(ok(therapist.get("chats/?unread=true"))["results"]) == 1
    # Said to be read, it is not unread any more, whether or not there was anything to read.
    all_read = ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    assert (all_read["marked_unread"], all_read["last_seq"]) == (False, 1)
    ok(therapist.post(f"chats/{pair.chat_id}/mark_unread/", json={}))
    say(patient, pair.chat_id, "again")
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    assert detail(therapist, pair.chat_id)["marked_unread"] is False
