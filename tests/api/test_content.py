"""What a message may hold: types, senders, lengths, and every character as it was sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import ok, refused, rows, say
from tests.harness.server import LiveServer, Pair

VERBATIM = {
    "markup": "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "sql": "' OR 1=1--",
    "template": "{{7*7}} %s %(a)s ${x} \\u0041",
    "right-to-left": "\u202eabc\u202c مرحبا بالعالم שלום",
    "zero-width": "a\u200bb\u200d\ufeffc",
    "only zero-width": "\u200b",
    "emoji sequences": "👩‍👩‍👧‍👦 🏳️‍🌈 👋🏽 🇩🇪",
    "combining": "e\u0301 is not \u00e9",
    "white space around": "  \t hello \n\n ",
    "line ends": "a\r\nb\rc\u2028d\u2029e",
    "controls": "\x01\x02\x1b[31m\x7f",
    "noncharacters": "\ufffe\uffff\U0010ffff",
    "longest": "ü" * 10_000,
    "longest astral": "🫂" * 10_000,
}


@pytest.mark.parametrize("name", VERBATIM)
def test_text_comes_back_as_it_was_sent(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, name: str
) -> None:
    text = VERBATIM[name]
    message = say(therapist, pair.chat_id, text)
    assert message["text"] == text
    assert ok(patient.get(f"messages/{message['id']}/"))["text"] == text
    assert (
        ok(patient.get("messages/", params={"chat_id": pair.chat_id}))["results"][0]["text"] == text
    )
    assert ok(patient.get("chats/"))["results"][0]["last_message_text"] == text
    events = ok(patient.get(f"chats/{pair.chat_id}/events/"))["events"]
    assert events[0]["message"]["text"] == text


@pytest.mark.parametrize(
    ("fields", "code", "attr"),
    [
        ({"text": ""}, "invalid", "text"),
        ({"text": " \t\n\u2003\u3000"}, "blank", "text"),
        ({"text": "x" * 10_001}, "invalid", "text"),
        ({"text": "a\x00b"}, "null_character", "text"),
        ({"text": None}, "invalid", "text"),
        ({"text": 5}, "invalid", "text"),
        ({"text": ["a"]}, "invalid", "text"),
        ({"message_type": "system"}, "invalid", "message_type"),
        ({"message_type": "video"}, "invalid", "message_type"),
        ({"message_type": "prescription"}, "prescription_by_therapist", "message_type"),
        ({"message_type": "image"}, "attachment_required", "attachment_id"),
        ({"message_type": "file"}, "attachment_required", "attachment_id"),
        ({"emergency": 1}, "invalid", "emergency"),
        ({"emergency": "true"}, "invalid", "emergency"),
        ({"client_message_id": ""}, "invalid", "client_message_id"),
        ({"client_message_id": "x" * 65}, "invalid", "client_message_id"),
        ({"client_message_id": "a\x00"}, "invalid", "client_message_id"),
        ({"payload": []}, "invalid", "payload"),
        ({"payload": {"a": "x" * 16_400}}, "payload_too_large", "payload"),
        ({"seq": 1}, "unknown_field", "seq"),
        ({"sender_name": "Somebody"}, "unknown_field", "sender_name"),
        ({"read_status": "read"}, "unknown_field", "read_status"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_may_not_be_said_leaves_nothing_behind(
    server: LiveServer, pair: Pair, patient: httpx.Client,
    fields: dict[str, Any], code: str, attr: str,
) -> None:  # fmt: skip
    before = rows(server)
    body = {"chat_id": pair.chat_id, "text": "hi", **fields}
    refused(patient.post("messages/send_message/", json=body), 400, code, attr)
    assert rows(server) == before


def test_every_wrong_field_is_named_at_once(pair: Pair, therapist: httpx.Client) -> None:
    body = {"chat_id": pair.chat_id, "text": 1, "emergency": "x", "what": 0}
    errors = therapist.post("messages/", json=body).json()["errors"]
    assert {error["attr"] for error in errors} == {"text", "emergency", "what"}


def test_each_type_has_its_senders(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    for kind in ("text", "appointment"):
        assert say(patient, pair.chat_id, kind, message_type=kind)["message_type"] == kind
    for kind in ("text", "appointment", "prescription"):
        assert say(therapist, pair.chat_id, kind, message_type=kind)["message_type"] == kind
    for kind in ("image", "file"):
        body = {"chat_id": pair.chat_id, "text": "x", "message_type": kind, "attachment_id": "A_1"}
        refused(therapist.post("messages/", json=body), 404, "not_found", "attachment_id")
    for kind in ("text", "appointment"):
        body = {"chat_id": pair.chat_id, "text": "x", "message_type": kind, "attachment_id": "A_1"}
        refused(therapist.post("messages/", json=body), 400, "attachment_mismatch", "attachment_id")


def test_a_therapists_emergency_is_a_mark(pair: Pair, therapist: httpx.Client) -> None:
    assert say(therapist, pair.chat_id, "call me", emergency=True)["emergency"] is True


PAYLOADS: list[dict[str, Any]] = [
    {},
    {"start": "2030-01-01T10:00:00Z", "list": [1, 2.5, -0.25, None, True, {"x": []}]},
    {"<script>": "' OR 1=1--", "\u202e": "\u200b", "": "empty key"},
    {"big": 2**63, "bigger": 10**30, "small": -(10**30), "float": 1.7976931348623157e308},
    {"x": "ü" * 8_000},
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda p: ",".join(p)[:20].encode().hex())
def test_a_payload_comes_back_as_it_was_sent(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, payload: dict[str, Any]
) -> None:
    message = say(therapist, pair.chat_id, "see", payload=payload)
    assert message["payload"] == payload
    assert ok(patient.get(f"messages/{message['id']}/"))["payload"] == payload


def test_the_payload_may_be_sixteen_kibibytes(pair: Pair, therapist: httpx.Client) -> None:
    def body(size: int) -> dict[str, Any]:
        return {"chat_id": pair.chat_id, "text": "x", "payload": {"a": "x" * (size - 8)}}

    ok(therapist.post("messages/", json=body(16 * 1024)), 201)
    refused(
        therapist.post("messages/", json=body(16 * 1024 + 1)), 400, "payload_too_large", "payload"
    )
