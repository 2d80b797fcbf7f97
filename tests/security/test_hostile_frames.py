"""Bad frames: an error frame to who sent it, no broadcast, nothing stored, the socket lives on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.calls import connect, ok, rows
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket, user_socket
from tests.realtime.tools import heard
from therapyconnect.realtime import frames

pytestmark = pytest.mark.usefixtures("quiet")

EXAMPLES = int(os.environ.get("FRAME_EXAMPLES", "150"))
KNOWN = {str(kind.__struct_config__.tag) for kind in frames.Said.__subclasses__()}

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
    "receipt above": ('{"type":"message_read","seq":1}', "beyond_last_seq"),
    "long ref": (json.dumps({"type": "ping", "ref": "x" * 129}), "invalid_frame"),
    "ref object": ('{"type":"ping","ref":{}}', "invalid_frame"),
    "binary": (b'{"type":"ping"}', "binary_frame"),
    "binary rubbish": (b"\x00\xff" * 50, "binary_frame"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame(server: LiveServer, module_pair: Pair, name: str) -> None:
    sent, code = BAD[name]
    pair = module_pair
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
        assert socket.close_code(timeout=5) in (1002, 1007)
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


# --- the fuzzer -----------------------------------------------------------------------------------

_keys = st.text(max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=8,
)


def _frame_of(kind: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Frames of that type, mostly right: each field of its own type or of any other."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in msgspec.structs.fields(kind):
        plausible: dict[str, st.SearchStrategy[Any]] = {
            "ref": st.integers() | st.text(max_size=20),
            "chat_id": st.sampled_from(["{chat}", "{other}", "x"]) | st.none(),
            "user_id": st.sampled_from(["{me}", "t_abc123"]) | st.none(),
            "sender_id": st.sampled_from(["{me}", "t_abc123"]) | st.none(),
            "text": st.text(max_size=60),
            "message_id": st.sampled_from(["MSG_{pair}_1", "MSG_{pair}_9", "x"]) | st.none(),
            "reply_to": st.sampled_from(["MSG_{pair}_1", "MSG_{pair}_9", "x"]) | st.none(),
            "seq": st.integers(-1, 3) | st.none(),
            "after_seq": st.integers(-1, 3) | st.none(),
            "chats": st.dictionaries(st.sampled_from(["{chat}", "{other}"]), st.integers(-1, 3)),
            "is_typing": st.booleans(),
            "emergency": st.booleans(),
            "payload": st.dictionaries(st.text(max_size=8), _values, max_size=3) | st.none(),
        }
        fields[field.encode_name] = st.one_of(
            plausible.get(field.name, st.none()), plausible.get(field.name, st.none()), _values
        )
    tag = kind.__struct_config__.tag
    required = {"type": st.just(tag) | st.just(tag) | _values}
    return st.fixed_dictionaries(required, optional=fields)


_frames = st.one_of([_frame_of(kind) for kind in frames.AnyAsked.__args__])


@pytest.fixture(scope="module")
def fuzzed(server: LiveServer, _pairs: Iterator[Pair]) -> Iterator[dict[str, Any]]:
    pair, other = next(_pairs), next(_pairs)
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as chat,
        user_socket(server, pair.patient_id, pair.patient_token) as user,
        user_socket(server, other.patient_id, other.patient_token) as outsider,
    ):
        yield {
            "pair": pair, "other": other, "chat": chat, "user": user, "outsider": outsider,
        }  # fmt: skip


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(frame=_frames, on=st.sampled_from(["chat", "user"]))
def test_every_answer_is_a_known_frame(
    server: LiveServer, fuzzed: dict[str, Any], frame: dict[str, Any], on: str
) -> None:
    pair, other = fuzzed["pair"], fuzzed["other"]
    text = json.dumps(frame)
    for name, value in (("{chat}", pair.chat_id), ("{other}", other.chat_id),
                        ("{me}", pair.patient_id), ("{pair}", pair.chat_id[5:])):  # fmt: skip
        text = text.replace(name, value)
    socket: SocketClient = fuzzed[on]
    socket.connection.send(text)
    for answer in heard(socket):
        assert answer["type"] in KNOWN
        assert answer.get("code") != "server_error"
    assert heard(fuzzed["outsider"]) == []


def test_after_the_fuzzer_all_is_well(server: LiveServer, fuzzed: dict[str, Any]) -> None:
    pair = fuzzed["pair"]
    with connect(server, pair.patient_token) as api:
        page = ok(api.get(f"chats/{pair.chat_id}/events/?limit=200"))
        assert [event["seq"] for event in page["events"]] == list(range(1, len(page["events"]) + 1))
        ok(api.get(f"messages/?chat_id={pair.chat_id}&limit=200"))
        fuzzed["chat"].send("resume", after_seq=0, ref="whole")
        assert fuzzed["chat"].until("resumed", ref="whole")["last_seq"] == page["last_seq"]
