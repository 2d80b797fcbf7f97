"""Resume: what was missed, in order, and then `resumed`."""

from __future__ import annotations

from tests.api.calls import connect, new_patients, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard

MANY = 230
"""More than one page of the replay."""


def test_a_chat_socket_replays_what_was_missed(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        said = [say(api, pair.chat_id, str(n)) for n in range(5)]
    with chat_socket(server, pair.chat_id, pair.patient_token) as patient:
        assert patient.received[0]["last_seq"] == 5
        patient.send("resume", after_seq=2, ref="r")
        frames = [patient.next() for _ in range(4)]
        assert frames[:3] == [{"type": "chat_message", "message": m} for m in said[2:]]
        assert frames[3] == {
            "type": "resumed", "last_seq": 5, "gap": False, "ref": "r",
            "receipts": {
                "therapist": {"delivered_seq": 0, "read_seq": 0},
                "patient": {"delivered_seq": 0, "read_seq": 0},
            },
        }  # fmt: skip
        patient.send("resume", after_seq=5)
        assert patient.next()["type"] == "resumed"


def test_a_long_replay_is_whole(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.therapist_token) as desk:
        for number in range(MANY):
            desk.send("chat_message", text=str(number), ref=number)
        for number in range(MANY):
            desk.until("chat_message", ref=number)
    with chat_socket(server, pair.chat_id, pair.patient_token) as patient:
        patient.send("resume", after_seq=0)
        patient.until("resumed", last_seq=MANY)
        seen = [f["message"]["seq"] for f in patient.received if f["type"] == "chat_message"]
        assert seen == list(range(1, MANY + 1))


def test_a_user_socket_resumes_several_chats(server: LiveServer, pair: Pair) -> None:
    (patient_id,) = new_patients(server, pair.therapist_id, 1)
    with connect(server, pair.therapist_token) as api, connect(server, pair.patient_token) as them:
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        second = ok(api.post("chats/create_or_get_chat/", json=body), 201)["id"]
        say(api, pair.chat_id, "old")
        theirs = say(them, pair.chat_id, "theirs", emergency=True)
        del theirs["crisis_resources"], theirs["emergency_alert"]  # its sender's alone
        other = say(them, pair.chat_id, "calm")
        own = say(api, second, "own")
    unknown = f"CHAT_{pair.therapist_id}_p_nobody000"
    with user_socket(server, pair.therapist_id, pair.therapist_token) as pocket:
        chats = {pair.chat_id: 1, second: 0, unknown: 0, "nonsense": 3}
        pocket.send("resume", chats=chats, ref="r")
        frames = [pocket.next() for _ in range(7)]
        assert heard(pocket) == []
    first = [frame for frame in frames if frame["chat_id"] == pair.chat_id]
    assert [frame["type"] for frame in first] == ["emergency_message", "new_message", "resumed"]
    assert [first[0]["message"], first[1]["message"]] == [theirs, other]
    assert (first[2]["last_seq"], first[2]["ref"]) == (3, "r")
    rest = [frame for frame in frames if frame["chat_id"] == second]
    assert [frame["type"] for frame in rest] == ["chat_message", "resumed"]
    assert (rest[0]["message"], rest[1]["last_seq"]) == (own, 1)
    for chat_id in (unknown, "nonsense"):
        (error,) = [frame for frame in frames if frame["chat_id"] == chat_id]
        assert (error["type"], error["code"], error["ref"]) == ("error", "not_found", "r")


def test_what_can_not_be_resumed_says_so(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        say(api, pair.chat_id)
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as chat,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
    ):
        for ref, (fields, code) in enumerate(
            [
                ({"after_seq": 2}, "cursor_ahead"),
                ({"after_seq": 2**63 - 1}, "cursor_ahead"),
                ({"after_seq": 2**63}, "invalid_frame"),
                ({"after_seq": -1}, "invalid_frame"),
                ({"after_seq": "0"}, "invalid_frame"),
                ({}, "required"),
                ({"chats": {pair.chat_id: 0}}, "required"),
                ({"after_seq": 0, "chat_id": other_pair.chat_id}, "not_found"),
            ]
        ):
            chat.send("resume", ref=ref, **fields)
            error = chat.until("error", ref=ref)
            assert (error["code"], "chat_id" in error) == (code, False), fields
        for ref, (fields, code) in enumerate(
            [
                ({"chats": {pair.chat_id: 2}}, "cursor_ahead"),
                ({"chats": {other_pair.chat_id: 0}}, "not_found"),
                ({"chats": {pair.chat_id: -1}}, "invalid_frame"),
                ({"chats": [pair.chat_id]}, "invalid_frame"),
                ({"after_seq": 0}, "required"),
            ]
        ):
            phone.send("resume", ref=ref, **fields)
            assert phone.until("error", ref=ref)["code"] == code, fields
        assert heard(chat) == []
        assert heard(phone) == []


def test_a_replay_shows_deleted_words_to_nobody(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        say(api, pair.chat_id, "canary")
    server.sql(
        "UPDATE messaging_message SET deleted_at = now() WHERE chat_id = %s", (pair.chat_id,)
    )
    with chat_socket(server, pair.chat_id, pair.patient_token) as patient:
        patient.send("resume", after_seq=0)
        message = patient.until("chat_message")["message"]
        assert (message["deleted"], message["text"], message["payload"]) == (True, None, None)
        patient.until("resumed")
        assert "canary" not in str(patient.received)
