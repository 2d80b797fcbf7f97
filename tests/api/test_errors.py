"""One shape for every error, an id on each, and statuses that say what is wrong."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import claims_of, connect, ok, refused
from tests.harness.server import LiveServer, Pair


def test_every_answer_has_a_request_id(therapist: httpx.Client) -> None:
    first, second = therapist.get("chats/"), therapist.get("chats/")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    for given, kept in (("client-id_0001", True), ("short", False), ("x" * 65, False),
                        ("<script>alert", False), ("a b c d e", False)):  # fmt: skip
        answer = therapist.get("nothing/", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is kept
        refused(answer, 404, "not_found", None)


@pytest.mark.parametrize(
    "path", ["/api/", "/api/nothing/", "/nothing", "/api/chats", "/api/chats/x/y/", "/%00",
             "/%ff%fe", "/api/chats/CHAT_t_abc123_p_xyz789", "/admin/",
             "/api/messages/x/edit", "/ws/chat/x/", "/api/chats/../chats//"]
)  # fmt: skip
def test_unknown_paths(server: LiveServer, therapist: httpx.Client, path: str) -> None:
    refused(therapist.get(server.base + path), 404, "not_found", None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "chats/"), ("PUT", "chats/"), ("PATCH", "messages/"), ("POST", "chats/"),
        ("GET", "chats/create_or_get_chat/"), ("GET", "messages/send_message/"),
        ("DELETE", "messages/x/"), ("PUT", "messages/x/"), ("GET", "messages/x/mark_read/"),
        ("POST", "chats/x/events/"), ("DELETE", "chats/x/mark_all_read/"), ("POST", "me/"),
        ("TRACE", "chats/"), ("TRACE", "messages/"), ("TRACE", "me/"), ("TRACE", "schema/"),
        ("POST", "schema/"), ("FOO", "chats/"), ("CONNECT", "chats/"),
    ],
)  # fmt: skip
def test_a_method_that_is_not_there(therapist: httpx.Client, method: str, path: str) -> None:
    answer = therapist.request(method, path)
    if method in ("FOO", "CONNECT"):  # no method of HTTP's, or none of an origin server's
        assert answer.status_code in (400, 405)
        return
    refused(answer, 405, "method_not_allowed", None)
    assert answer.headers["Allow"]


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/xml", "text/json", "application/jsonx", ";", "a", "application/merge-patch+json",
     ""],
)  # fmt: skip
def test_another_content_type(pair: Pair, therapist: httpx.Client, kind: str) -> None:
    body = f'{{"chat_id": "{pair.chat_id}", "text": "hi"}}'
    answer = therapist.post("messages/", content=body, headers={"Content-Type": kind})
    refused(answer, 415, "unsupported_media_type", None)
    assert ok(therapist.get(f"chats/{pair.chat_id}/"))["last_seq"] == 0


def test_json_with_a_parameter_is_json(pair: Pair, therapist: httpx.Client) -> None:
    body = f'{{"chat_id": "{pair.chat_id}", "text": "hi"}}'
    kind = {"Content-Type": "application/json; charset=utf-8"}
    ok(therapist.post("messages/", content=body, headers=kind), 201)


def test_only_json_is_answered(therapist: httpx.Client) -> None:
    refused(therapist.get("chats/", headers={"Accept": "text/html"}), 406, "not_acceptable", None)
    ok(therapist.get("chats/", headers={"Accept": "text/html, */*;q=0.1"}))
    refused(therapist.get("chats/?format=xml"), 404, "not_found", None)


def test_a_body_over_the_limit(pair: Pair, therapist: httpx.Client) -> None:
    body = b'{"chat_id": "' + pair.chat_id.encode() + b'", "text": "' + b"x" * 10_000_000 + b'"}'
    answer = therapist.post("messages/", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "payload_too_large"
    assert answer.json()["request_id"]
    assert ok(therapist.get(f"chats/{pair.chat_id}/"))["last_seq"] == 0


def flipped(token: str) -> str:
    """The same token with the signature's first character changed."""
    head, _, signature = token.rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


@pytest.mark.parametrize("route", ["chats/", "messages/?chat_id=x", "me/", "chats/x/events/"])
def test_no_valid_token(server: LiveServer, pair: Pair, route: str) -> None:
    good = pair.therapist_token
    values: list[Any] = [
        None, "Bearer", "Bearer x", f"Bearer {good} {good}", f"Bearer {flipped(good)}",
        f"bearer  {good}", f"Basic {good}", good, f"Token {good}", f"Bearer {good[:-1]}",
    ]  # fmt: skip
    for value in values:
        with connect(server, None) as api:
            answer = api.get(route, headers={"Authorization": value} if value is not None else {})
        refused(answer, 401, "not_authenticated", None)
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    with connect(server, None) as api:
        refused(api.get(f"{route}{'&' if '?' in route else '?'}token={good}"), 401,
                "not_authenticated")  # fmt: skip


def test_a_revoked_session_is_refused_at_once(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.therapist_token) as api:
        ok(api.get("chats/"))
        session_id = claims_of(pair.therapist_token)["sid"]
        server.sql("DELETE FROM accounts_session WHERE key = %s", (session_id,))
        for route in ("chats/", "me/", f"chats/{pair.chat_id}/"):
            refused(api.get(route), 401, "not_authenticated", None)
        refused(api.post("messages/", json={"chat_id": pair.chat_id, "text": "x"}), 401,
                "not_authenticated")  # fmt: skip
