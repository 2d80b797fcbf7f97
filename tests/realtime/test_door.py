"""The door: every refusal is an HTTP status before the upgrade."""

from __future__ import annotations

import pytest
from websockets.typing import Subprotocol

from tests.api.calls import claims_of, set_fact
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket
from tests.realtime.tools import chat_path, refusal


def test_the_greeting(server: LiveServer, pair: Pair) -> None:
    with SocketClient(server, chat_path(pair), pair.patient_token) as chat:
        assert chat.next() == {
            "type": "connection_established", "user_id": pair.patient_id, "last_seq": 0,
            "heartbeat_seconds": 20,
        }  # fmt: skip
    path = f"/ws/notifications/{pair.patient_id}/"
    with SocketClient(server, path, pair.patient_token) as user:
        assert user.next() == {
            "type": "connection_established", "user_id": pair.patient_id, "heartbeat_seconds": 20,
        }  # fmt: skip
        assert "Sec-WebSocket-Extensions" not in user.connection.response.headers


def test_the_token_may_come_as_a_subprotocol(server: LiveServer, pair: Pair) -> None:
    offered = [Subprotocol("therapyconnect.v1"), Subprotocol(f"bearer.{pair.patient_token}")]
    for order in (offered, offered[::-1]):
        with SocketClient(server, chat_path(pair), None, subprotocols=order) as chat:
            assert chat.connection.subprotocol == "therapyconnect.v1"
            assert chat.next()["user_id"] == pair.patient_id
            assert pair.patient_token not in str(chat.connection.response.headers)


def test_never_in_the_url_and_never_two(server: LiveServer, pair: Pair) -> None:
    token = pair.patient_token
    for query in (f"?token={token}", f"?access_token={token}", f"?bearer={token}"):
        found = refusal(server, chat_path(pair) + query, None)
        assert (found.status, found.code) == (401, "not_authenticated")
        assert found.headers["WWW-Authenticate"] == "Bearer"
    both = [Subprotocol("therapyconnect.v1"), Subprotocol(f"bearer.{token}")]
    assert refusal(server, chat_path(pair), token, subprotocols=both).status == 401
    assert token not in server.log_text()


@pytest.mark.parametrize("token", [None, "", "x", "a.b.c", "x" * 5000])
def test_no_valid_token(server: LiveServer, pair: Pair, token: str | None) -> None:
    for path in (chat_path(pair), f"/ws/notifications/{pair.patient_id}/", "/ws/nothing/"):
        found = refusal(server, path, token)
        assert (found.status, found.code) == (401, "not_authenticated")
        assert found.body["type"] == "client_error"


def test_a_refresh_token_and_a_revoked_one(server: LiveServer, pair: Pair) -> None:
    meta = server.login(f"{pair.patient_id}@demo.test")
    assert refusal(server, chat_path(pair), meta["refresh_token"]).status == 401
    chat_socket(server, pair.chat_id, meta["access_token"]).connection.close()
    session_id = claims_of(meta["access_token"])["sid"]
    server.sql("DELETE FROM accounts_session WHERE key = %s", (session_id,))
    assert refusal(server, chat_path(pair), meta["access_token"]).status == 401


def test_what_is_not_yours_is_as_what_never_was(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    deleted = other_pair
    set_fact(server, deleted.chat_id, "deleted_at")
    found = [
        refusal(server, chat_path(pair), deleted.therapist_token),
        refusal(server, f"/ws/chat/CHAT_t_never00_{pair.patient_id}/", pair.patient_token),
        refusal(server, "/ws/chat/nonsense/", pair.patient_token),
        refusal(server, "/ws/chat/%00/", pair.patient_token),
        refusal(server, "/ws/chat/%ff/", pair.patient_token),
        refusal(server, chat_path(pair).rstrip("/"), pair.patient_token),
        refusal(server, chat_path(pair) + "x/", pair.patient_token),
        refusal(server, f"/ws/chat/x%2F{pair.chat_id}/", pair.patient_token),
        refusal(server, "/ws/rooms/x/", pair.patient_token),
        refusal(server, "/api/chats/", pair.patient_token),
        refusal(server, chat_path(deleted), deleted.patient_token),
    ]
    assert {item.status for item in found} == {404}
    bodies = [{**item.body, "request_id": ""} for item in found]
    assert all(body == bodies[0] for body in bodies), bodies


def test_another_users_socket(server: LiveServer, pair: Pair) -> None:
    for user_id in (pair.therapist_id, "p_nobody000", "x", pair.patient_id.upper()):
        found = refusal(server, f"/ws/notifications/{user_id}/", pair.patient_token)
        assert (found.status, found.code) == (403, "identity_mismatch")


def test_a_blocked_chat(server: LiveServer, pair: Pair) -> None:
    set_fact(server, pair.chat_id, "blocked_by_patient_at")
    for token in (pair.therapist_token, pair.patient_token):
        found = refusal(server, chat_path(pair), token)
        assert (found.status, found.code) == (403, "chat_blocked")


def test_origins_are_on_the_list_to_the_letter(server: LiveServer, pair: Pair) -> None:
    port = server.port
    for origin in (f"http://localhost:{port}", f"http://127.0.0.1:{port}"):
        with SocketClient(server, chat_path(pair), pair.patient_token, origin=origin) as chat:
            assert chat.next()["type"] == "connection_established"
    for origin in (
        "http://evil.test", "null", "", "*", f"http://localhost:{port + 1}", "http://localhost",
        f"https://localhost:{port}", f"http://localhost:{port}.evil.test",
        f"http://localhost:{port}/", f"http://evil.test/http://localhost:{port}",
        f"http://localhost:{port}@evil.test", f"HTTP://LOCALHOST:{port}", f"localhost:{port}",
        f"http://evil-localhost:{port}", f"http://127.0.0.1:{port}, http://evil.test",
        f"file://localhost:{port}",
    ):  # fmt: skip
        found = refusal(server, chat_path(pair), pair.patient_token, headers={"Origin": origin})
        assert (found.status, found.code) == (403, "origin_not_allowed"), origin
        assert refusal(server, chat_path(pair), None, headers={"Origin": origin}).status == 403
