"""Who is there, and what keeps two apart: a block, a deletion, the end of their care."""

from __future__ import annotations

import pytest

from tests.api.calls import connect, end_care, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket, user_socket
from tests.realtime.tools import chat_path, heard, refusal


@pytest.mark.parametrize("blocker", ["therapist", "patient"])
def test_a_block_closes_and_silences(server: LiveServer, pair: Pair, blocker: str) -> None:
    token = pair.therapist_token if blocker == "therapist" else pair.patient_token
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
        user_socket(server, pair.therapist_id, pair.therapist_token, presence=True) as pocket,
        user_socket(server, pair.patient_id, pair.patient_token, presence=True) as phone,
        connect(server, token) as api,
    ):
        ok(api.post(f"chats/{pair.chat_id}/update_status/", json={"status": "blocked"}))
        for socket in (desk, couch):
            frame = socket.until("chat_updated")
            assert (frame["chat"]["status"], frame["seq"]) == ("blocked", 1)
            assert socket.close_code() == 4403
        for socket in (pocket, phone):
            assert socket.until("chat_updated")["chat_id"] == pair.chat_id
            assert socket.until("presence")["online"] is False
        for ref, socket in enumerate((pocket, phone)):
            socket.send("typing", chat_id=pair.chat_id, is_typing=True, ref=ref)
            assert socket.until("error", ref=ref)["code"] == "chat_blocked"
            socket.send("message_read", chat_id=pair.chat_id, seq=1, ref=10 + ref)
            assert socket.until("error", ref=10 + ref)["code"] == "chat_blocked"
        assert heard(pocket) == heard(phone) == []
        for side in (pair.therapist_token, pair.patient_token):
            refused = refusal(server, chat_path(pair), side)
            assert (refused.status, refused.code) == (403, "chat_blocked")
        ok(api.post(f"chats/{pair.chat_id}/update_status/", json={"status": "active"}))
        for socket in (pocket, phone):
            assert socket.until("chat_updated")["chat"]["status"] == "active"
            assert socket.until("presence")["online"] is True
        phone.send("typing", chat_id=pair.chat_id, is_typing=True)
        assert pocket.until("typing_indicator")["user_id"] == pair.patient_id


def test_a_deleted_chat_is_gone_for_its_sockets(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        connect(server, pair.therapist_token) as api,
    ):
        ok(api.delete(f"chats/{pair.chat_id}/"))
        assert couch.until("chat_updated")["chat"]["status"] == "deleted"
        assert couch.close_code() == 4404
        assert phone.until("chat_updated")["chat"]["status"] == "deleted"
        refused = refusal(server, chat_path(pair), pair.patient_token)
        assert (refused.status, refused.code) == (404, "not_found")
        phone.send("resume", chats={pair.chat_id: 0}, ref=1)
        assert phone.until("error", ref=1)["code"] == "not_found"


def test_a_restored_chat_is_told_and_not_told_anew(
    server: LiveServer, pair: Pair, admin_token: str
) -> None:
    with connect(server, pair.therapist_token) as api, connect(server, admin_token) as admin:
        say(api, pair.chat_id, "long ago")
        ok(api.delete(f"chats/{pair.chat_id}/"))
        with user_socket(server, pair.patient_id, pair.patient_token) as phone:
            ok(admin.post(f"chats/{pair.chat_id}/update_status/", json={"status": "active"}))
            frame = phone.next()
            assert (frame["type"], frame["chat"]["status"]) == ("chat_updated", "active")
            assert heard(phone) == []


def test_the_end_of_the_care_closes_and_leaves_it_to_read(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        (care,) = ok(api.get("care-relationships/"))["results"]
        with (
            chat_socket(server, pair.chat_id, pair.patient_token) as couch,
            user_socket(server, pair.patient_id, pair.patient_token) as phone,
        ):
            ok(api.post(f"care-relationships/{care['id']}/end/"))
            said = couch.until("chat_message")["message"]
            assert (said["message_type"], said["payload"]) == (
                "system", {"event": "relationship_ended"},
            )  # fmt: skip
            assert couch.close_code() == 4403
            assert phone.until("new_message")["message"] == said
            phone.send("typing", chat_id=pair.chat_id, is_typing=True, ref=1)
            assert phone.until("error", ref=1)["code"] == "relationship_ended"
    with chat_socket(server, pair.chat_id, pair.patient_token) as reader:
        reader.send("resume", after_seq=0)
        assert reader.next()["message"] == said
        reader.send("chat_message", text="still there?", ref=2)
        assert reader.until("error", ref=2)["code"] == "relationship_ended"


def test_care_that_begins_again_lets_them_meet_again(
    server: LiveServer, pair: Pair, admin_token: str
) -> None:
    with (
        connect(server, admin_token) as admin,
        user_socket(server, pair.therapist_id, pair.therapist_token, presence=True) as pocket,
        user_socket(server, pair.patient_id, pair.patient_token, presence=True) as phone,
    ):
        ids = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
        (care,) = ok(admin.get("care-relationships/", params=ids))["results"]
        ok(admin.post(f"care-relationships/{care['id']}/end/"))
        for socket in (pocket, phone):
            socket.until("presence", online=False)
        ok(admin.post("care-relationships/", json=ids), 201)
        for socket in (pocket, phone):
            socket.until("presence", online=True)
        phone.send("typing", chat_id=pair.chat_id, is_typing=True)
        assert pocket.until("typing_indicator")["user_id"] == pair.patient_id


def test_an_ended_relationship_also_ends_by_another_way(server: LiveServer, pair: Pair) -> None:
    """The row changed without an event: the next thing that happens is judged by it."""
    with chat_socket(server, pair.chat_id, pair.patient_token) as couch:
        end_care(server, pair)
        couch.send("chat_message", text="x", ref=1)
        assert couch.until("error", ref=1)["code"] == "relationship_ended"


def test_who_comes_and_goes_is_told_to_the_other(server: LiveServer, pair: Pair) -> None:
    with user_socket(server, pair.therapist_id, pair.therapist_token, presence=True) as pocket:
        with (
            user_socket(server, pair.patient_id, pair.patient_token, presence=True) as phone,
            chat_socket(server, pair.chat_id, pair.patient_token, presence=True) as couch,
        ):
            there = {
                "type": "presence", "user_id": pair.therapist_id, "online": True,
                "chat_id": pair.chat_id,
            }  # fmt: skip
            assert phone.next() == there
            del there["chat_id"]
            assert couch.next() == there
            came = {**there, "user_id": pair.patient_id, "chat_id": pair.chat_id}
            assert pocket.next() == came
            with connect(server, pair.therapist_token) as api:
                chat = ok(api.get(f"chats/{pair.chat_id}/"))
                assert chat["other_participant"]["online"] is True
            leave(couch)
            assert heard(pocket) == []  # one device is still there
        assert pocket.next() == {**came, "online": False}
        with connect(server, pair.therapist_token) as api:
            chat = ok(api.get(f"chats/{pair.chat_id}/"))
            assert chat["other_participant"]["online"] is False


def leave(client: SocketClient) -> None:
    client.connection.close()
