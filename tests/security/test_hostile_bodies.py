"""Bad bodies on every operation that reads one: the right answer, and nothing left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import connect, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair
from tests.security.access import OPERATIONS
from tests.security.raw import exchange, request
from tests.security.stage import UPLOAD, Stage, call_of, split

pytestmark = pytest.mark.usefixtures("quiet")

JSON = {"Content-Type": "application/json"}
WRITES = [
    row
    for row in OPERATIONS
    if row != UPLOAD
    and row.startswith(("POST", "PATCH"))
    and split(row)[1] in ("", "archive", "accept")
]
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

KINDS = (
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/xml", "text/json", "application/merge-patch+json",
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(server: LiveServer, module_pair: Pair, admin_token: str) -> Stage:
    return Stage(server, module_pair, connect(server, admin_token))


@pytest.fixture(scope="module")
def allowed(
    server: LiveServer, module_pair: Pair, admin_token: str
) -> Iterator[dict[str, httpx.Client]]:
    """A client for each column of the table; who may is who is asked to be refused."""
    clients = {
        "therapist": connect(server, module_pair.therapist_token),
        "patient": connect(server, module_pair.patient_token),
        "admin": connect(server, admin_token),
    }
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="module")
def schemas(server: LiveServer) -> dict[str, dict[str, Any]]:
    """The schema of each operation's body."""
    with connect(server, None) as api:
        document = ok(api.get("schema/"))
    found = {}
    for row in WRITES:
        method, path = split(row)[0].split(" ")
        body = document["paths"][path][method.lower()]["requestBody"]["content"]
        name = body["application/json"]["schema"]["$ref"].rpartition("/")[2]
        found[row] = document["components"]["schemas"][name]
    return found


def who_may(row: str, allowed: dict[str, httpx.Client]) -> httpx.Client:
    column = next(name for name in allowed if getattr(OPERATIONS[row], name)[0] == "2")
    return allowed[column]


@pytest.mark.parametrize("row", WRITES)
def test_a_body_that_is_no_json_object(
    server: LiveServer, stage: Stage, allowed: dict[str, httpx.Client], row: str
) -> None:
    call = call_of(row, stage.set_up(row))
    api = who_may(row, allowed)
    before = rows(server)
    for name, body in BODIES.items():
        answer = api.request(call.method, call.path, content=body, headers=JSON)
        assert answer.status_code == 400, (name, answer.text)
        # Not because of what it lacks: because of what it is.
        code = "invalid" if name in ("array", "null", "number", "text") else "parse_error"
        assert answer.json()["errors"] == [{**refused(answer, 400, code), "attr": None}], name
        for word in ("root:", "passwd"):
            assert word not in answer.text
    for kind in KINDS:
        headers = {"Content-Type": kind}
        answer = api.request(call.method, call.path, content=b"a=b", headers=headers)
        refused(answer, 415, "unsupported_media_type", None)
    big = b'{"text": "' + b"x" * 3_000_000 + b'"}'
    refused(api.request(call.method, call.path, content=big, headers=JSON), 413,
            "payload_too_large", None)  # fmt: skip
    assert rows(server) == before
    assert call.by(api).status_code in (200, 201)  # it was the body


@pytest.mark.parametrize("row", WRITES)
def test_fields_that_are_not_there_missing_or_anothers(
    server: LiveServer, stage: Stage, allowed: dict[str, httpx.Client],
    schemas: dict[str, dict[str, Any]], row: str,
) -> None:  # fmt: skip
    call = call_of(row, stage.set_up(row))
    api = who_may(row, allowed)
    schema, body = schemas[row], call.body or {}
    before = rows(server)

    def sent(changed: dict[str, Any]) -> httpx.Response:
        return call._replace(body=changed).by(api)

    refused(sent({**body, "is_admin": True}), 400, "unknown_field", "is_admin")
    refused(sent({**body, "__proto__": {}}), 400, "unknown_field", "__proto__")
    for field in schema.get("required", []):
        without = {name: value for name, value in body.items() if name != field}
        refused(sent(without), 400, "required", field)
    if schema.get("required"):
        empty = api.request(call.method, call.path, content=b"", headers=JSON)
        refused(empty, 400, "required")
        refused(api.request(call.method, call.path), 400, "required")
    for claim in ("user_id", "sender_id"):
        if claim in schema["properties"]:
            for other in ("t_abc123", "a_other00", "", "x"):
                refused(sent({**body, claim: other}), 403, "identity_mismatch", claim)
            refused(sent({**body, claim: 1}), 400, "invalid", claim)
    for field in schema["properties"]:
        for wrong in ([[]], {"a": {"b": 1}}, -1.5):
            if field in ("payload", "tags", "user_ids", "quiet_hours", "working_hours"):
                continue
            refused(sent({**body, field: wrong}), 400, "invalid", field)
    assert rows(server) == before


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "x" * 100_000])
def test_odd_text_in_every_field(
    server: LiveServer, stage: Stage, allowed: dict[str, httpx.Client],
    schemas: dict[str, dict[str, Any]], text: str,
) -> None:  # fmt: skip
    tried = 0
    for row in WRITES:
        call = call_of(row, stage.set_up(row))
        before = rows(server)
        for api in allowed.values():
            for field in schemas[row]["properties"]:
                if (field, text[-1]) == ("q", "\x00") or (field, text[:2]) == ("q", "a\x00"):
                    continue  # nothing holds it, so nothing is found
                for value in (text, [text], {text: text}):
                    content = json.dumps({**(call.body or {}), field: value})
                    answer = api.request(call.method, call.path, content=content, headers=JSON)
                    assert 400 <= answer.status_code < 500, (row, field, answer.text[:300])
                    assert text not in answer.text
                    tried += 1
        assert rows(server) == before, row
    print(f"\nodd texts in fields: {tried}")  # noqa: T201


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


# --- what has a state -----------------------------------------------------------------------------


def test_an_edit_after_the_window(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.patient_token) as api:
        said = say(api, pair.chat_id, "in time")
        edit = f"messages/{said['id']}/edit_message/"
        ok(api.post(edit, json={"text": "still in time"}))
        server.sql(
            "UPDATE messaging_message SET created_at = created_at - interval '15 minutes'"
            " WHERE chat_id = %s", (pair.chat_id,),
        )  # fmt: skip
        before = rows(server)
        refused(api.post(edit, json={"text": "late"}), 409, "edit_window_closed")
        refused(api.post(edit, json={"text": "still in time"}), 409, "edit_window_closed")
        assert rows(server) == before
        assert ok(api.get(f"messages/{said['id']}/"))["text"] == "still in time"


def test_keys_of_idempotency(server: LiveServer, pair: Pair) -> None:
    body = {"chat_id": pair.chat_id, "text": "once"}
    with connect(server, pair.patient_token) as api:

        def send(key: str | bytes | None, **more: Any) -> httpx.Response:
            headers = {} if key is None else {b"Idempotency-Key": key}
            return api.post("messages/", json={**body, **more}, headers=headers)  # type: ignore[arg-type]

        first = ok(send("k1"), 201)
        assert ok(send("k1"))["id"] == ok(send(None, client_message_id="k1"))["id"] == first["id"]
        assert ok(send("k1", client_message_id="k1"))["id"] == first["id"]
        before = rows(server)
        refused(send("k1", text="other"), 409, "idempotency_conflict", "client_message_id")
        refused(send("k1", emergency=True), 409, "idempotency_conflict", "client_message_id")
        refused(send("k1", client_message_id="k2"), 400, "idempotency_keys_differ")
        refused(send("x" * 65), 400, "invalid", "Idempotency-Key")
        refused(send(None, client_message_id="x" * 65), 400, "invalid", "client_message_id")
        refused(send(None, client_message_id=""), 400, "invalid", "client_message_id")
        refused(send(None, client_message_id="a\x00b"), 400, "invalid", "client_message_id")
        assert rows(server) == before
        for odd in ("x" * 64, "' OR 1=1--", "a, b", '"quoted"', "<b>", "é".encode(), b"\xff\xfe",
                    "😀".encode(), "a b"):  # fmt: skip
            answer = send(odd)
            assert answer.status_code in (201, 400), (odd, answer.text)
            if answer.status_code == 201:
                assert ok(send(odd))["id"] == answer.json()["id"]
        # An empty one is none: each is another message.
        assert ok(send(""), 201)["id"] != ok(send(""), 201)["id"]
        refused(send("k3", reply_to=f"MSG_{pair.chat_id[5:]}_999"), 400, "reply_to_not_in_chat")
        ok(send("k3"), 201)  # what was refused has used up nothing
    for key in ("a\x00b", "a\rb", "a\nb"):
        content = json.dumps(body).encode()
        raw = request("POST", "/api/messages/", pair.patient_token, content,
                      f"Idempotency-Key: {key}")  # fmt: skip
        assert exchange(server, raw).status == 400, key


def test_a_delete_with_a_body(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    path = f"/api/chats/{pair.chat_id}/"
    big = exchange(server, request("DELETE", path, pair.therapist_token, b"x" * 3_000_000))
    assert big.status == 413
    for body in (
        b'{"status": "active"}',
        b"[1",
        b"\xff",
        json.dumps({"id": other_pair.chat_id}).encode(),
    ):
        answer = exchange(server, request("DELETE", path, pair.patient_token, body))
        assert (answer.status, answer.json()["errors"][0]["code"]) == (403, "therapist_only")
    answer = exchange(server, request("DELETE", path, pair.therapist_token, b'{"a": 1}'))
    assert (answer.status, answer.json()["status"]) == (200, "deleted")
    with connect(server, other_pair.therapist_token) as api:
        ok(api.get(f"chats/{other_pair.chat_id}/"))
