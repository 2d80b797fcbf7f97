"""HTTP that is none, too large, or pretends to be something else: refused, with no traceback."""

from __future__ import annotations

import json

import pytest

from tests.api.calls import connect, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair
from tests.security.raw import exchange, request

pytestmark = pytest.mark.usefixtures("quiet")

RAW: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 10 + b"\r\n\r\n", (400,)),
    "no such version": (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", (400, 404)),
    "a header without colon": (b"GET /api/chats/ HTTP/1.1\r\nHost x\r\n\r\n", (400,)),
    "NUL in a header": (b"GET /api/me/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\x00\r\n\r\n", (400,)),
    "NUL in the path": (b"GET /api/\x00/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400, 404)),
    "bytes in the path": (b"GET /api/\xff\xfe/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400, 404)),
    "space in the path": (b"GET /api/ chats/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400,)),
    "evil host": (b"GET /api/chats/ HTTP/1.1\r\nHost: evil.test\r\n\r\n", (400, 401)),
    "no host": (b"GET /api/chats/ HTTP/1.1\r\n\r\n", (400, 401)),
    "odd host": (b"GET /api/chats/ HTTP/1.1\r\nHost: a b@[::\r\n\r\n", (400, 401)),
    "two lengths": (
        b"POST /api/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n"
        b"Content-Length: 3\r\n\r\n{}x", (400,),
    ),
    "length and chunks": (
        b"POST /api/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", (400,),
    ),
    "negative length": (
        b"POST /api/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", (400,),
    ),
    "a length of 5 GB": (
        b"POST /api/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000000000\r\n\r\n",
        (413,),
    ),
    "a bad chunk": (
        b"POST /api/messages/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"zz\r\n{}\r\n0\r\n\r\n", (400, 401),
    ),
    "a cookie bomb": (
        b"GET /api/me/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: " + b"a=b; " * 2_000 + b"\r\n\r\n",
        (401,),
    ),
    "asterisk": (b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (400, 404)),
    "absolute": (b"GET http://evil.test/api/me/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", (401, 404)),
    "connect": (b"CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n", (400, 404, 405)),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_http_that_is_none(server: LiveServer, name: str) -> None:
    sent, expected = RAW[name]
    answer = exchange(server, sent)
    assert answer.status in expected, (answer.status, answer.body[:200])
    assert b"evil.test" not in answer.body
    if answer.status != 401 and answer.body:
        # To the route that takes messages a call for help may have been sent: whom to call is said.
        assert set(answer.json()) - {"crisis_resources"} == {"type", "errors", "request_id"}


def test_heads_over_sixteen_kibibytes(server: LiveServer, pair: Pair) -> None:
    for header in (f"X-Big: {'x' * 17_000}", "\r\n".join(f"X-{n}: {'y' * 50}" for n in range(400))):
        answer = exchange(server, request("GET", "/api/chats/", pair.patient_token, b"", header))
        assert answer.status == 431
        assert answer.json()["errors"][0]["code"] == "request_header_fields_too_large"
    long_path = "/api/chats/?x=" + "y" * 17_000
    assert exchange(server, request("GET", long_path, pair.patient_token)).status == 431
    fits = f"X-Big: {'x' * 12_000}"
    answer = exchange(server, request("GET", "/api/chats/", pair.patient_token, b"", fits))
    assert answer.status == 200


def test_trace_echoes_nothing(server: LiveServer, pair: Pair) -> None:
    for path in ("/api/chats/", "/api/me/", f"/api/chats/{pair.chat_id}/", "/api/schema/"):
        answer = exchange(server, request("TRACE", path, pair.patient_token, b"", "X-A: canary"))
        assert answer.status == 405
        assert b"canary" not in answer.body
        assert pair.patient_token.encode() not in answer.body


def test_method_override_overrides_nothing(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        message = say(api, pair.chat_id)
        for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            answer = api.post(f"messages/{message['id']}/", headers={name: "GET"})
            refused(answer, 405, "method_not_allowed")
            answer = api.get(f"chats/{pair.chat_id}/", headers={name: "DELETE"})
            assert answer.status_code == 200
        for name in ("X-User-Id", "X-Forwarded-User", "Remote-User", "X-Sender-Id"):
            found = ok(api.get("me/", headers={name: pair.patient_id}))
            assert found["id"] == pair.therapist_id


def test_a_body_of_ten_megabytes(server: LiveServer, pair: Pair) -> None:
    before = rows(server)
    body = json.dumps({"chat_id": pair.chat_id, "text": "x" * 10_000_000}).encode()
    answer = exchange(server, request("POST", "/api/messages/", pair.patient_token, body))
    assert answer.status == 413
    assert answer.json()["errors"][0]["code"] == "payload_too_large"
    assert rows(server) == before
