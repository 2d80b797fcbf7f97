"""A socket lives as long as its token and its session."""

from __future__ import annotations

import time

import httpx

from tests.api.calls import claims_of
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import (
    CLOSED_SECONDS,
    SLACK_SECONDS,
    SocketClient,
    chat_socket,
    user_socket,
)
from tests.realtime.tools import chat_path, heard, mint, refusal


def test_it_closes_when_its_token_expires_unless_it_got_a_fresh_one(
    server: LiveServer, pair: Pair
) -> None:
    # Long enough to open two sockets with it, in whatever time its minting left.
    short = mint(server, pair.patient_token, 8)
    expires = claims_of(short)["exp"]
    with (
        chat_socket(server, pair.chat_id, short) as left,
        user_socket(server, pair.patient_id, short) as renewed,
    ):
        renewed.send("authenticate", token=pair.patient_token, ref=1)
        assert heard(renewed) == []
        assert left.close_code(timeout=30) == 4401
        assert 0 <= time.time() - expires < CLOSED_SECONDS
        assert heard(renewed) == []
    assert refusal(server, chat_path(pair), short).status == 401


def test_only_a_token_of_the_same_session_is_taken(
    server: LiveServer, pair: Pair, other_pair: Pair
) -> None:
    meta = server.login(f"{pair.patient_id}@demo.test")
    with chat_socket(server, pair.chat_id, pair.patient_token) as chat:
        wrong = {
            "another session of the same user": meta["access_token"],
            "a refresh token": meta["refresh_token"],
            "another user": other_pair.patient_token,
            "the other participant": pair.therapist_token,
            "nonsense": "x",
            "nothing": "",
            "changed": pair.patient_token[:-2] + "xx",
        }
        for name, token in wrong.items():
            chat.send("authenticate", token=token, ref=name)
            error = chat.until("error", ref=name)
            assert error["code"] == "not_authenticated", name
        chat.send("authenticate", ref=1)
        assert chat.until("error", ref=1)["code"] == "invalid_frame"
        chat.send("chat_message", text="still who I was", ref=2)
        assert chat.until("chat_message", ref=2)["message"]["sender_id"] == pair.patient_id


def test_log_out_closes_every_socket_of_that_session_alone(server: LiveServer, pair: Pair) -> None:
    token = server.login(f"{pair.patient_id}@demo.test")["access_token"]
    with (
        chat_socket(server, pair.chat_id, token) as chat,
        user_socket(server, pair.patient_id, token) as phone,
        chat_socket(server, pair.chat_id, pair.patient_token) as other_session,
        chat_socket(server, pair.chat_id, pair.therapist_token) as therapist,
    ):
        answer = httpx.delete(
            f"{server.base}/_allauth/app/v1/auth/session",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status_code == 401, answer.text  # allauth's own way to say: logged out
        began = time.monotonic()
        assert chat.close_code(CLOSED_SECONDS + SLACK_SECONDS) == 4401
        assert phone.close_code(CLOSED_SECONDS + SLACK_SECONDS) == 4401
        assert time.monotonic() - began < CLOSED_SECONDS
        assert heard(other_session) == []
        assert heard(therapist) == []
    assert refusal(server, chat_path(pair), token).status == 401


def test_a_deactivated_users_sockets_close(server: LiveServer, pair: Pair) -> None:
    sockets = [
        chat_socket(server, pair.chat_id, pair.patient_token),
        user_socket(server, pair.patient_id, pair.patient_token),
    ]
    with chat_socket(server, pair.chat_id, pair.therapist_token) as therapist:
        server.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (pair.patient_id,))
        began = time.monotonic()
        for socket in sockets:
            assert socket.close_code(CLOSED_SECONDS + SLACK_SECONDS) == 4401
        assert time.monotonic() - began < CLOSED_SECONDS
        assert heard(therapist) == []
    with SocketClient(server, chat_path(pair), pair.therapist_token) as again:
        assert again.next()["type"] == "connection_established"
    assert refusal(server, chat_path(pair), pair.patient_token).status == 401
