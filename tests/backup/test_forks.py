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
        socket.send("resume", after_seq=HAD, ref="told")
        told = socket.until("resumed", ref="told")
        assert told["gap"] is False
        heard = [f["message"]["seq"] for f in socket.received if f["type"] == "chat_message"]
        assert heard == list(range(HAD + 1, told["last_seq"] + 1))


def test_the_user_socket_says_it_of_that_chat(drill: Drill) -> None:
    quiet = drill.origin.quiet
    token = drill.log_in(quiet.therapist_id)
    with user_socket(drill.live, quiet.therapist_id, token) as socket:
        socket.send("resume", chats={quiet.chat_id: HAD}, ref="old")
        told = socket.until("resumed", ref="old")
        assert (told["chat_id"], told["gap"]) == (quiet.chat_id, True)


def test_rest_refuses_the_cursor_once(drill: Drill) -> None:
    quiet = drill.origin.quiet
    path = f"chats/{quiet.chat_id}/events/"
    with drill.live.api(drill.log_in(quiet.patient_id)) as api:
        refused = api.get(path, params={"after_seq": HAD})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["code"] == "cursor_ahead"
        assert api.get(path, params={"after_seq": HAD}).status_code == 200


def test_who_reads_on_from_below_is_not_sent_away(drill: Drill) -> None:
    """Neither a client that was within the backup, nor one that begins anew."""
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
