"""Refusals of the server itself, which Django never hears of, over the wire."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx

from tests.harness.server import LiveServer, Pair

SEND = "/api/messages/send_message/"


def _raw(server: LiveServer, request: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to these bytes."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), 20) as line:
        line.sendall(request)
        while data := line.recv(65536):
            answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-length: %d" % len(body) in head
    return int(head.split()[1]), json.loads(body)


def _head(server: LiveServer, path: str, token: str | None, *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *more]
    if token is not None:
        lines.insert(1, f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode()


def _phones(body: dict[str, Any]) -> list[str | None]:
    assert set(body) == {"type", "errors", "request_id", "crisis_resources"}
    return [resource["phone"] for resource in body["crisis_resources"]]


def test_too_large_to_be_read(server: LiveServer, pair: Pair) -> None:
    with server.api(pair.patient_token) as patient, server.api(pair.therapist_token) as therapist:
        assert patient.patch("me/settings/", json={"region": "AT"}).status_code == 200
        body = {"chat_id": pair.chat_id, "text": "x" * 3_000_000, "emergency": True}
        refused = patient.post("messages/send_message/", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (
            413, "payload_too_large",
        )  # fmt: skip
        assert _phones(refused.json()) == ["112", "142"]
        flagged = patient.post("messages/MSG_x/mark_emergency/", json=body)
        assert _phones(flagged.json()) == ["112", "142"]
        theirs = therapist.post("messages/send_message/", json=body)
        assert theirs.status_code == 413
        elsewhere = patient.post("messages/search/", json=body)
        assert elsewhere.status_code == 413
    unknown = httpx.post(server.base + SEND, json=body, timeout=20)
    assert _phones(unknown.json()) == [None, None, None]
    for answer in (theirs, elsewhere):
        assert set(answer.json()) == {"type", "errors", "request_id"}


def test_a_head_that_is_too_large_or_no_http(server: LiveServer, pair: Pair) -> None:
    with server.api(pair.patient_token) as api:
        assert api.patch("me/settings/", json={"region": "AT"}).status_code == 200
    padding = "X-Pad: " + "x" * 17_000
    status, body = _raw(server, _head(server, SEND, pair.patient_token, padding))
    assert (status, _phones(body)) == (431, ["112", "142"])
    status, body = _raw(server, _head(server, SEND, pair.patient_token, "no header"))
    assert (status, _phones(body)) == (400, ["112", "142"])
    encoded = SEND.replace("_", "%5F") + "?x=1"
    status, body = _raw(server, _head(server, encoded, pair.patient_token, padding))
    assert (status, _phones(body)) == (431, ["112", "142"])
    status, body = _raw(server, _head(server, "/api/chats/", pair.patient_token, padding))
    assert (status, "crisis_resources" in body) == (431, False)


def test_a_body_that_does_not_come(server: LiveServer, pair: Pair) -> None:
    """Its 408 takes a minute, so only the chunked one over the limit is tried here."""
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = _head(server, SEND, pair.patient_token, "Transfer-Encoding: chunked")
    status, body = _raw(server, head + chunk * 40)
    assert status == 413
    assert "crisis_resources" in body
