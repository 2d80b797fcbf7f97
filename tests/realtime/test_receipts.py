"""Receipts over sockets: every field, to both, and never twice for nothing."""

from __future__ import annotations

import pytest

from tests.api.calls import connect, is_timestamp, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard


@pytest.mark.parametrize("kind", ["delivered", "read"])
def test_a_receipt_has_every_field(server: LiveServer, pair: Pair, kind: str) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
        chat_socket(server, pair.chat_id, pair.patient_token) as reader,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        connect(server, pair.therapist_token) as api,
    ):
        first, second = (say(api, pair.chat_id, text) for text in ("one", "two"))
        for socket in (desk, pocket, reader, phone):
            heard(socket)
        reader.send(f"message_{kind}", message_id=second["id"], ref="r")
        answer = reader.until(f"message_{kind}_receipt")
        assert set(answer) == {"type", "message_id", "seq", "user_id", f"{kind}_at", "ref"}
        assert (answer["message_id"], answer["seq"]) == (second["id"], 2)
        assert (answer["user_id"], answer["ref"]) == (pair.patient_id, "r")
        assert is_timestamp(answer[f"{kind}_at"])
        pushed = {name: value for name, value in answer.items() if name != "ref"}
        assert heard(desk) == [pushed]
        for socket in (pocket, phone):
            assert heard(socket) == [{**pushed, "chat_id": pair.chat_id}]
        stored = ok(api.get(f"messages/{second['id']}/"))
        assert stored[f"{kind}_at"] == answer[f"{kind}_at"]
        assert stored["read_status"] == kind
        # Again, and less: answered where it has a ref, but no news to anyone.
        start = len(reader.received)
        reader.send(f"message_{kind}", message_id=first["id"], ref=1)
        reader.send(f"message_{kind}", message_id=second["id"])
        reader.send(f"message_{kind}", message_id=second["id"], ref=2)
        reader.until(f"message_{kind}_receipt", ref=2)
        assert [frame.get("ref") for frame in reader.received[start:]] == [1, 2]
        assert heard(desk) == []


def test_by_number_and_on_the_user_socket(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        connect(server, pair.therapist_token) as api,
    ):
        say(api, pair.chat_id)
        phone.send("message_read", chat_id=pair.chat_id, seq=1, ref=1)
        answer = phone.until("message_read_receipt", ref=1)
        assert (answer["chat_id"], answer["seq"]) == (pair.chat_id, 1)
        assert desk.until("message_read_receipt")["seq"] == 1


def test_rest_receipts_are_pushed(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        connect(server, pair.therapist_token) as api,
        connect(server, pair.patient_token) as reader,
    ):
        message = say(api, pair.chat_id)
        ok(reader.post(f"messages/{message['id']}/mark_delivered/"))
        assert desk.until("message_delivered_receipt")["message_id"] == message["id"]
        ok(reader.post(f"chats/{pair.chat_id}/mark_all_read/"))
        receipt = desk.until("message_read_receipt")
        assert (receipt["message_id"], receipt["user_id"]) == (message["id"], pair.patient_id)


def test_what_can_not_be_marked(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        chat_socket(server, pair.chat_id, pair.patient_token) as reader,
        connect(server, pair.therapist_token) as api,
    ):
        message = say(api, pair.chat_id)
        heard(desk), heard(reader)
        wrong = [
            ({"seq": 2}, "beyond_last_seq"),
            ({"message_id": message["id"], "seq": 1}, "invalid"),
            ({}, "invalid"),
            ({"seq": -1}, "invalid_frame"),
            ({"seq": 2**63}, "invalid_frame"),
            ({"seq": "1"}, "invalid_frame"),
            ({"seq": 1.5}, "invalid_frame"),
            ({"message_id": message["id"] + "0"}, "not_found"),
            ({"message_id": f"MSG_{other_pair.chat_id[5:]}_1"}, "not_found"),
            ({"message_id": "nonsense"}, "not_found"),
        ]
        for ref, (fields, code) in enumerate(wrong):
            reader.send("message_read", ref=ref, **fields)
            assert reader.until("error", ref=ref)["code"] == code, fields
        desk.send("message_read", message_id=message["id"], ref="own")
        assert desk.until("error", ref="own")["code"] == "not_recipient"
        assert heard(desk) == []
        assert ok(api.get(f"chats/{pair.chat_id}/"))["receipts"]["patient"]["read_seq"] == 0
