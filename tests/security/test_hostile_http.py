"""Bad input over HTTP: the right answer, nothing left behind, no traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.calls import connect, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair
from tests.security.raw import exchange, request

pytestmark = pytest.mark.usefixtures("quiet")

DEEP = 10_000
BODIES: dict[str, bytes] = {
    "array": b"[]",
    "null": b"null",
    "number": b"1",
    "text": b'"x"',
    "truncated": b'{"chat_id": "x", "text": "hel',
    "one brace": b"{",
    "trailing": b"{} {}",
    "two roots": b"{}[]",
    "duplicate keys": b'{"text": "a", "text": "b"}',
    "duplicate keys below": b'{"text": "a", "payload": {"x": {"y": 1, "y": 2}}}',
    "duplicate by escape": b'{"text": "a", "te\\u0078t": "b"}',
    "NaN": b'{"up_to_seq": NaN}',
    "Infinity": b'{"up_to_seq": -Infinity}',
    "1e400": b'{"up_to_seq": 1e400}',
    "-1e400": b'{"payload": {"a": [-1e400]}}',
    "5,000 digits": b'{"up_to_seq": ' + b"9" * 5_000 + b"}",
    "deep lists": b'{"payload": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep and open": b"[" * 100_000,
    "lone surrogate": b'{"text": "\\ud800"}',
    "lone low surrogate": b'{"text": "a\\udc00b"}',
    "surrogate in a key": b'{"\\ud800": 1}',
    "surrogate below": b'{"text": "a", "payload": {"x": ["\\udfff"]}}',
    "invalid UTF-8": b'{"text": "\xff\xfe"}',
    "overlong UTF-8": b'{"text": "\xc0\xaf"}',
    "UTF-8 surrogate": b'{"text": "\xed\xa0\x80"}',
    "cut UTF-8": b'{"text": "\xe2\x82"}',
    "UTF-16": '{"text": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"text": "a"}',
    "control character": b'{"text": "a\x01b"}',
    "raw NUL": b'{"text": "a\x00b"}',
    "comment": b'{"text": "a" /* b */}',
    "single quotes": b"{'text': 'a'}",
    "unquoted": b"{text: 1}",
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>",
    "form": b"chat_id=x&text=y",
    "pickle": b"\x80\x04N.",
}
WRITES = (
    "chats/create_or_get_chat/", "chats/{chat}/toggle_notifications/",
    "chats/{chat}/mark_all_read/", "messages/", "messages/send_message/",
    "messages/{message}/mark_read/", "messages/{message}/mark_delivered/",
)  # fmt: skip


@pytest.fixture(scope="module")
def message_id(server: LiveServer, module_pair: Pair) -> str:
    with connect(server, module_pair.therapist_token) as api:
        found: str = say(api, module_pair.chat_id)["id"]
        return found


@pytest.mark.parametrize("route", WRITES)
def test_a_body_that_is_no_json_object(
    server: LiveServer, module_pair: Pair, message_id: str, route: str
) -> None:
    path = route.format(chat=module_pair.chat_id, message=message_id)
    before = rows(server)
    json_type = {"Content-Type": "application/json"}
    with connect(server, module_pair.patient_token) as api:
        for name, body in BODIES.items():
            answer = api.post(path, content=body, headers=json_type)
            assert answer.status_code == 400, (name, answer.text)
            # Not because of what it lacks: because of what it is.
            code = "invalid" if name in ("array", "null", "number", "text") else "parse_error"
            assert answer.json()["errors"] == [{**refused(answer, 400, code), "attr": None}], name
            for word in ("root:", "passwd"):
                assert word not in answer.text
        if not route.endswith(("mark_read/", "mark_delivered/", "mark_all_read/")):
            refused(api.post(path, content=b"", headers=json_type), 400, "required")
            refused(api.post(path), 400, "required")
    assert rows(server) == before


def test_payloads_of_any_depth_are_stored_or_refused(server: LiveServer, pair: Pair) -> None:
    """Whatever depth one part of the way still bears, no later part may break at."""
    with connect(server, pair.therapist_token) as api, connect(server, pair.patient_token) as them:
        stored = []
        for depth in (1, 2, 20, 63, 64, 65, *range(80, 1_100, 60), *range(940, 1_010, 5)):
            payload = '{"a":' * depth + "1" + "}" * depth
            body = f'{{"chat_id": "{pair.chat_id}", "text": "{depth}", "payload": {payload}}}'
            answer = api.post(
                "messages/", content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in (201, 400), (depth, answer.text)
            if answer.status_code == 201:
                stored.append(depth)
                assert them.get(f"messages/{answer.json()['id']}/").status_code == 200, depth
        assert stored == [1, 2, 20, 63, 64]
        assert them.get(f"messages/?chat_id={pair.chat_id}").status_code == 200
        assert them.get(f"chats/{pair.chat_id}/events/").status_code == 200


ODD = (
    "%00", "a%00b", "%ff", "%ed%a0%80", "..%2f..%2fetc%2fpasswd", "%27%20OR%201=1--", "x" * 4_000,
    "%e2%80%ae", "%0d%0aSet-Cookie:%20a=b", "{0}%00", "{0}%0a", "%20{0}", "{0};", "$where", "*",
    "-1", "1e400", "9223372036854775808", "%F0%9F%AB%82", "null", "[]", "__proto__",
)  # fmt: skip


@pytest.mark.parametrize("who", ["therapist", "patient", "admin", "nobody"])
def test_odd_ids_and_parameters_everywhere(
    server: LiveServer, module_pair: Pair, message_id: str, admin_token: str, who: str
) -> None:
    token = {"therapist": module_pair.therapist_token, "patient": module_pair.patient_token,
             "admin": admin_token, "nobody": None}[who]  # fmt: skip
    chat = module_pair.chat_id
    before = rows(server)
    gets = [
        "chats/{odd}/", "chats/{odd}/events/", "messages/{odd}/", "messages/?chat_id={odd}",
        f"messages/?chat_id={chat}&sender_id={{odd}}", f"messages/?chat_id={chat}&limit={{odd}}",
        f"messages/?chat_id={chat}&message_type={{odd}}", f"messages/?chat_id={chat}&{{odd}}=1",
        f"messages/?chat_id={chat}&emergency={{odd}}",
        f"messages/?chat_id={chat}&read_status={{odd}}",
        f"messages/?chat_id={chat}&before_seq={{odd}}", f"messages/?chat_id={chat}&user_id={{odd}}",
        "chats/?cursor={odd}", "chats/?status={odd}", "chats/?unread={odd}", "chats/?limit={odd}",
        "chats/?ordering={odd}", "chats/?user_id={odd}", "chats/?format={odd}",
        "chats/get_user_chats/?cursor={odd}", f"chats/{chat}/events/?after_seq={{odd}}",
        "me/?{odd}={odd}", "{odd}/", "{odd}",
    ]  # fmt: skip
    documents = ["schema/?format={odd}", "schema/?lang={odd}", "schema/?version={odd}",
                 "docs/?script={odd}"]  # fmt: skip
    posts = [
        "chats/{odd}/toggle_notifications/", "chats/{odd}/mark_all_read/",
        "messages/{odd}/mark_read/", "messages/{odd}/mark_delivered/", "messages/?user_id={odd}",
    ]  # fmt: skip
    with connect(server, token) as api:
        for odd in ODD:
            odd = odd.format(message_id)
            for path in [*gets, *(documents if who == "nobody" and "0" in odd else [])]:
                answer = api.get(path.format(odd=odd))
                assert answer.status_code < 500, (path, odd, answer.text[:300])
            for path in posts:
                for body in ({}, {"notifications_enabled": False}):
                    answer = api.post(path.format(odd=odd), json=body)
                    assert 400 <= answer.status_code < 500, (path, odd, answer.text[:300])
    assert rows(server) == before


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x" * 100_000])
def test_odd_text_in_every_field(
    server: LiveServer, module_pair: Pair, message_id: str, admin_token: str, text: str
) -> None:
    pair = module_pair
    good: list[tuple[str, dict[str, Any]]] = [
        ("chats/create_or_get_chat/",
         {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id, "user_id": None}),
        ("messages/", {"chat_id": pair.chat_id, "message_type": "text", "reply_to": None,
                       "attachment_id": None, "sender_id": None, "text": 1}),
        (f"chats/{pair.chat_id}/mark_all_read/", {"user_id": None, "up_to_seq": 0}),
        (f"messages/{message_id}/mark_read/", {"user_id": None}),
    ]  # fmt: skip
    before = rows(server)
    for token in (pair.therapist_token, pair.patient_token, admin_token):
        with connect(server, token) as api:
            for path, body in good:
                for field in body:
                    content = json.dumps({**body, field: text})
                    answer = api.post(
                        path, content=content, headers={"Content-Type": "application/json"}
                    )
                    assert 400 <= answer.status_code < 500, (path, field, answer.text[:300])
    assert rows(server) == before


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
        assert set(answer.json()) == {"type", "errors", "request_id"}


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
