"""Bad frames: an error frame to who sent it, no broadcast, nothing stored, the socket lives on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.calls import connect, rows, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket
from tests.realtime.tools import heard

pytestmark = pytest.mark.usefixtures("quiet")

# What is sent, and the code that answers it.
BAD: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "invalid_json"),
    "no JSON": ("hello", "invalid_json"),
    "truncated": ('{"type":"ping"', "invalid_json"),
    "two": ('{"type":"ping"}{"type":"ping"}', "invalid_json"),
    "byte order mark": ('\ufeff{"type":"ping"}', "invalid_json"),
    "NaN": ('{"type":"message_read","seq":NaN}', "invalid_json"),
    "lone surrogate": ('{"type":"chat_message","text":"\\ud800"}', "invalid_json"),
    "deep": ('{"type":"ping","ref":' + "[" * 100_000, "invalid_json"),
    "deep and whole": ('{"type":"chat_message","text":"x","payload":' + '{"a":' * 10_000 + "1"
                       + "}" * 10_001, "invalid_json"),
    "array": ("[]", "invalid_frame"),
    "null": ("null", "invalid_frame"),
    "number": ("1", "invalid_frame"),
    "text": ('"ping"', "invalid_frame"),
    "no type": ("{}", "unknown_type"),
    "type null": ('{"type":null}', "unknown_type"),
    "type number": ('{"type":1}', "invalid_frame"),
    "unknown type": ('{"type":"join"}', "unknown_type"),
    "a server's type": ('{"type":"new_message","message":{}}', "unknown_type"),
    "the base's name": ('{"type":"asked"}', "unknown_type"),
    "unknown field": ('{"type":"ping","more":1}', "invalid_frame"),
    "text missing": ('{"type":"chat_message"}', "invalid_frame"),
    "text number": ('{"type":"chat_message","text":1}', "invalid_frame"),
    "text empty": ('{"type":"chat_message","text":""}', "invalid_frame"),
    "text too long": (json.dumps({"type": "chat_message", "text": "x" * 10_001}), "invalid_frame"),
    "text blank": ('{"type":"chat_message","text":" \\t"}', "blank"),
    "text NUL": ('{"type":"chat_message","text":"a\\u0000"}', "null_character"),
    "system": ('{"type":"chat_message","text":"x","message_type":"system"}', "invalid_frame"),
    "prescription": ('{"type":"chat_message","text":"x","message_type":"prescription"}',
                     "prescription_by_therapist"),
    "image": ('{"type":"chat_message","text":"x","message_type":"image"}', "attachment_required"),
    "1e400": ('{"type":"chat_message","text":"x","payload":{"a":1e400}}', "invalid_frame"),
    "large payload": ('{"type":"chat_message","text":"x","payload":{"a":"' + "x" * 17_000 + '"}}',
                      "payload_too_large"),
    "deep payload": ('{"type":"chat_message","text":"x","payload":' + '{"a":' * 65 + "1" + "}" * 66,
                     "invalid"),
    "deeper payload": ('{"type":"chat_message","text":"x","payload":' + '{"a":' * 980 + "1"
                       + "}" * 981, "invalid"),
    "reply elsewhere": ('{"type":"chat_message","text":"x","reply_to":"MSG_t_abc123_p_xyz789_1"}',
                        "reply_to_not_in_chat"),
    "another's chat": ('{"type":"chat_message","text":"x","chat_id":"CHAT_t_abc123_p_xyz789"}',
                       "not_found"),
    "forged sender": ('{"type":"chat_message","text":"x","sender_id":"t_abc123"}',
                      "identity_mismatch"),
    "forged user": ('{"type":"chat_message","text":"x","user_id":"t_abc123"}',
                    "identity_mismatch"),
    "forged typist": ('{"type":"typing","is_typing":true,"user_id":"t_abc123"}',
                      "identity_mismatch"),
    "forged reader": ('{"type":"message_read","seq":0,"user_id":"t_abc123"}', "identity_mismatch"),
    "future cursor": ('{"type":"resume","after_seq":99}', "cursor_ahead"),
    "cursor -1": ('{"type":"resume","after_seq":-1}', "invalid_frame"),
    "cursor 2^63": ('{"type":"resume","after_seq":9223372036854775808}', "invalid_frame"),
    "receipt above": ('{"type":"message_read","seq":3}', "beyond_last_seq"),
    "long ref": (json.dumps({"type": "ping", "ref": "x" * 129}), "invalid_frame"),
    "ref object": ('{"type":"ping","ref":{}}', "invalid_frame"),
    "edit without text": ('{"type":"message_edited","message_id":"x"}', "invalid_frame"),
    "edit without id": ('{"type":"message_edited","text":"x"}', "invalid_frame"),
    "edit to nothing": ('{"type":"message_edited","message_id":"x","text":""}', "invalid_frame"),
    "edit to a novel": (json.dumps({"type": "message_edited", "message_id": "MSG_{pair}_1",
                                    "text": "x" * 10_001}), "invalid_frame"),
    "edit to blanks": ('{"type":"message_edited","message_id":"MSG_{pair}_1","text":" \\n"}',
                       "blank"),
    "edit to NUL": ('{"type":"message_edited","message_id":"MSG_{pair}_1","text":"\\u0000"}',
                    "null_character"),
    "edit of nothing": ('{"type":"message_edited","message_id":"MSG_{pair}_99","text":"x"}',
                        "not_found"),
    "edit of the other's": ('{"type":"message_edited","message_id":"MSG_{pair}_1","text":"x"}',
                            "not_sender"),
    "edit elsewhere": ('{"type":"message_edited","message_id":"MSG_t_abc123_p_xyz789_1",'
                       '"text":"x"}', "not_found"),
    "edit of a chat": ('{"type":"message_edited","message_id":"CHAT_{pair}","text":"x"}',
                       "not_found"),
    "edit of number 2^63": ('{"type":"message_edited","message_id":"MSG_{pair}_'
                            '9223372036854775808","text":"x"}', "not_found"),
    "edit by another": ('{"type":"message_edited","message_id":"MSG_{pair}_1","text":"x",'
                        '"user_id":"t_abc123"}', "identity_mismatch"),
    "edit with a sender": ('{"type":"message_edited","message_id":"MSG_{pair}_1","text":"x",'
                           '"sender_id":"t_abc123"}', "invalid_frame"),
    "delete of nothing": ('{"type":"message_deleted","message_id":"MSG_{pair}_99"}', "not_found"),
    "delete of the other's": ('{"type":"message_deleted","message_id":"MSG_{pair}_1"}',
                              "not_sender"),
    "delete elsewhere": ('{"type":"message_deleted","message_id":"MSG_t_abc123_p_xyz789_1"}',
                         "not_found"),
    "delete of a list": ('{"type":"message_deleted","message_id":["MSG_{pair}_1"]}',
                         "invalid_frame"),
    "delete of a number": ('{"type":"message_deleted","message_id":1}', "invalid_frame"),
    "delete with a NUL": ('{"type":"message_deleted","message_id":"MSG_{pair}_1\\u0000"}',
                          "not_found"),
    "emergency as text": ('{"type":"chat_message","text":"x","emergency":"true"}',
                          "invalid_frame"),
    "emergency as number": ('{"type":"chat_message","text":"x","emergency":1}', "invalid_frame"),
    "emergency of nothing": ('{"type":"chat_message","text":"","emergency":true}',
                             "invalid_frame"),
    "emergency elsewhere": ('{"type":"chat_message","text":"x","emergency":true,'
                            '"chat_id":"CHAT_t_abc123_p_xyz789"}', "not_found"),
    "a server's edit": ('{"type":"message_edited","message_id":"MSG_{pair}_1","new_text":"x",'
                        '"seq":1}', "invalid_frame"),
    "restore": ('{"type":"message_restored","message_id":"MSG_{pair}_1"}', "unknown_type"),
    "flag": ('{"type":"emergency_flagged","message_id":"MSG_{pair}_1"}', "unknown_type"),
    "alert": ('{"type":"emergency_updated","emergency_alert":{}}', "unknown_type"),
    "one's own": ('{"type":"message_read","message_id":"MSG_{pair}_2"}', "not_recipient"),
    "two horizons": ('{"type":"message_read","message_id":"MSG_{pair}_1","seq":1}', "invalid"),
    "no horizon": ('{"type":"message_read"}', "invalid"),
    "binary": (b'{"type":"ping"}', "binary_frame"),
    "binary rubbish": (b"\x00\xff" * 50, "binary_frame"),
}  # fmt: skip


@pytest.fixture(scope="module")
def talked(server: LiveServer, module_pair: Pair) -> Pair:
    """The first message is the therapist's, the second one the patient's."""
    for token in (module_pair.therapist_token, module_pair.patient_token):
        with connect(server, token) as api:
            say(api, module_pair.chat_id, "said")
    return module_pair


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame(server: LiveServer, talked: Pair, name: str) -> None:
    sent, code = BAD[name]
    pair = talked
    if isinstance(sent, str):
        sent = sent.replace("{pair}", pair.chat_id[5:])
    before = rows(server)
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as socket,
        chat_socket(server, pair.chat_id, pair.therapist_token) as other,
    ):
        socket.connection.send(sent)
        answer = socket.next()
        assert (answer["type"], answer["code"]) == ("error", code)
        assert answer["message"]
        assert heard(socket) == []
        assert heard(other) == []
    assert rows(server) == before


def test_an_error_carries_the_ref_where_one_can_be_read(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as socket:
        for ref in ("a", 7, 0, "", "x" * 128, 2**63, -1):
            for frame in ({"type": "typing"}, {"type": "join"}, {"type": "resume"},
                          {"type": "chat_message", "text": " "}):  # fmt: skip
                socket.send(**frame, ref=ref)
                answer = socket.next()
                assert (answer["type"], answer["ref"]) == ("error", ref)


@pytest.mark.parametrize("sent", [b"\x81\x85\x00\x00\x00\x00\xff\xfe\xfd\xfc\xfb",
                                  b"\x83\x80\x00\x00\x00\x00", b"\xc1\x80\x00\x00\x00\x00",
                                  b"\x81\x02{}", b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126],
                         ids=["invalid UTF-8", "reserved opcode", "reserved bit", "unmasked",
                              "long ping"])  # fmt: skip
def test_what_is_no_frame_closes_the_socket_alone(
    server: LiveServer, pair: Pair, sent: bytes
) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as socket,
        chat_socket(server, pair.chat_id, pair.patient_token) as other,
    ):
        socket.connection.socket.sendall(sent)
        assert socket.close_code() in (1002, 1007)
        assert heard(other) == []


def test_a_refused_send_does_not_hold_up_its_neighbours(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    """Of many in flight only the bad ones fail; each good one is acked and heard."""
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as socket,
        chat_socket(server, other_pair.chat_id, other_pair.patient_token) as elsewhere,
    ):
        deep = json.loads('{"a":' * 70 + "1" + "}" * 70)
        for number in range(30):
            extra: dict[str, Any] = {} if number % 3 else {"payload": deep}
            socket.send("chat_message", text=str(number), ref=number, **extra)
            elsewhere.send("chat_message", text=str(number), ref=number)
        answers = [socket.next() for _ in range(30)]
        kinds = {answer["ref"]: answer["type"] for answer in answers}
        assert kinds == {n: "chat_message" if n % 3 else "error" for n in range(30)}
        for number in range(30):
            elsewhere.until("chat_message", ref=number)
