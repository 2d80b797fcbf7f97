"""A client that had more than the backup is sent to begin afresh, also once the chat is as long."""

from __future__ import annotations

import pytest

from tests.backup.drill import Drill, say
from tests.harness.sockets import chat_socket, user_socket

AT_BACKUP, HAD = 3, 5
"""The quiet chat's numbers: where the backup ends, and what a client had of the time after it."""


@pytest.fixture(scope="module", autouse=True)
def _grown(drill: Drill) -> None:
    """The restored chat has other words under the numbers that the client has already."""
    quiet = drill.origin.quiet
    with drill.live.api(drill.pair(quiet).patient_token) as api:
        # While it is shorter than what the client had, no cursor can hide.
        answer = api.get(f"chats/{quiet.chat_id}/events/", params={"after_seq": HAD})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "cursor_ahead")
    for n in range(AT_BACKUP + 1, HAD + 2):
        told = say(drill.live, drill.pair(quiet).patient_token, quiet.chat_id, f"anew {n}")
        assert told["seq"] == n


def test_a_socket_says_gap_and_then_goes_on(drill: Drill) -> None:
    quiet = drill.origin.quiet
    token = drill.log_in(quiet.therapist_id)
    with chat_socket(drill.live, quiet.chat_id, token) as socket:
        socket.send("resume", after_seq=HAD, ref="old")
        told = socket.until("resumed", ref="old")
        last = told["last_seq"]
        assert (told["gap"], last >= HAD + 1) == (True, True)
        assert [frame["type"] for frame in socket.received[1:]] == ["resumed"]
        next_one = say(drill.live, drill.pair(quiet).patient_token, quiet.chat_id, "and on")
        pushed = socket.until("chat_message")
        assert pushed["message"]["id"] == next_one["id"]
        assert pushed["message"]["seq"] == last + 1
    with chat_socket(drill.live, quiet.chat_id, token) as socket:
        # As if the answer had never come: the same cursor is told the same.
        socket.send("resume", after_seq=HAD, ref="again")
        again = socket.until("resumed", ref="again")
        assert again["gap"] is True
        socket.send("resume", after_seq=again["last_seq"], ref="told")
        assert socket.until("resumed", ref="told")["gap"] is False
        say(drill.live, drill.pair(quiet).patient_token, quiet.chat_id, "once more")
        assert socket.until("chat_message")["message"]["seq"] == again["last_seq"] + 1


def test_the_user_socket_says_it_of_that_chat(drill: Drill) -> None:
    quiet = drill.origin.quiet
    token = drill.log_in(quiet.therapist_id)
    with user_socket(drill.live, quiet.therapist_id, token) as socket:
        socket.send("resume", chats={quiet.chat_id: HAD}, ref="old")
        told = socket.until("resumed", ref="old")
        assert (told["chat_id"], told["gap"]) == (quiet.chat_id, True)


def test_rest_refuses_the_cursor_until_it_is_a_new_one(drill: Drill) -> None:
    quiet = drill.origin.quiet
    path = f"chats/{quiet.chat_id}/events/"
    with drill.live.api(drill.log_in(quiet.patient_id)) as api:
        refused = api.get(path, params={"after_seq": HAD})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "cursor_ahead"
        assert api.get(path, params={"after_seq": HAD}).status_code == 400
        fresh = api.get("messages/", params={"chat_id": quiet.chat_id}).json()["results"][0]["seq"]
        assert api.get(path, params={"after_seq": fresh}).status_code == 200


def test_who_reads_on_from_below_is_not_sent_away(drill: Drill) -> None:
    """From the beginning, that is: any other number may be of before the restore."""
    quiet = drill.origin.quiet
    path = f"chats/{quiet.chat_id}/events/"
    with drill.live.api(drill.log_in(quiet.patient_id)) as api:
        after, heard = 0, []
        while page := api.get(path, params={"after_seq": after, "limit": 2}).json()["events"]:
            heard += [event["seq"] for event in page]
            after = heard[-1]
    assert heard == list(range(1, after + 1))
    assert after > HAD


def test_where_nothing_was_restored_every_cursor_counts(drill: Drill) -> None:
    quiet = drill.origin.quiet
    with drill.origin.live.api(quiet.patient_token) as api:
        path = f"chats/{quiet.chat_id}/events/"
        assert api.get(path, params={"after_seq": AT_BACKUP}).status_code == 200


def test_a_chat_that_is_not_in_the_backup_begins_anew_under_the_same_name(drill: Drill) -> None:
    """Its number 1 may have been given before: who says to have it is sent to begin afresh."""
    admin = drill.live.login("admin@demo.test")["access_token"]
    patient_id = drill.origin.quiet.patient_id
    ids = {"therapist_id": "t_def456", "patient_id": patient_id}
    token = drill.log_in(patient_id)
    with drill.live.api(admin) as clinic, drill.live.api(token) as api:
        assert clinic.post("care-relationships/", json=ids).status_code == 201
        chat_id = api.post("chats/create_or_get_chat/", json=ids).json()["id"]
        for n in range(2):
            say(drill.live, token, chat_id, f"anew {n}")
        answer = api.get(f"chats/{chat_id}/events/", params={"after_seq": 1})
    assert answer.json()["errors"][0]["code"] == "cursor_ahead"
