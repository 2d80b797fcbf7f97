"""An outside provider's tokens on the real server: REST, sockets, and how they end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.accounts.provider import EcKey, Provider, RsaKey
from tests.api.calls import connect, ok, refused, say
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import CLOSED_SECONDS, SLACK_SECONDS, chat_socket, user_socket
from tests.realtime.tools import chat_path, refusal
from therapyconnect.accounts.outside.keysource import ASK_SECONDS

RSA, EC = RsaKey("rsa-1"), EcKey("ec-1")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider(RSA, EC) as running:
        yield running


@pytest.fixture(scope="module")
def outside(
    provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[LiveServer, Iterator[Pair]]]:
    """A server of its own that trusts the provider, and pairs on it."""
    with own_database(SERVER_URL) as url:
        live = LiveServer(
            tmp_path_factory.mktemp("outside"),
            database_url=url,
            env={"THERAPYCONNECT_IDENTITY_PROVIDERS": json.dumps([provider.config()])},
        )
        live.start()
        try:
            yield live, iter(live.load_pairs(12))
        finally:
            live.stop()


@pytest.fixture
def live(outside: tuple[LiveServer, Iterator[Pair]]) -> LiveServer:
    return outside[0]


@pytest.fixture
def two(outside: tuple[LiveServer, Iterator[Pair]]) -> Pair:
    return next(outside[1])


def test_rest_and_both_sockets(live: LiveServer, provider: Provider, two: Pair) -> None:
    patient = provider.token(two.patient_id, EC)
    with (
        user_socket(live, two.therapist_id, provider.token(two.therapist_id)) as therapist,
        chat_socket(live, two.chat_id, patient) as chat,
        connect(live, patient) as api,
    ):
        assert ok(api.get("me/"))["id"] == two.patient_id
        message = say(api, two.chat_id, "from outside")
        assert chat.until("chat_message")["message"]["id"] == message["id"]
        assert therapist.until("new_message")["message"]["id"] == message["id"]
        chat.send("chat_message", text="by socket", ref="r")
        assert chat.until("chat_message", ref="r")["message"]["sender_id"] == two.patient_id


def test_the_token_in_a_subprotocol(live: LiveServer, provider: Provider, two: Pair) -> None:
    from tests.harness.sockets import SocketClient

    offered = ["therapyconnect.v1", f"bearer.{provider.token(two.patient_id)}"]
    with SocketClient(live, chat_path(two), None, subprotocols=offered) as client:
        client.until("connection_established", user_id=two.patient_id)


def test_a_long_token_passes_head_and_handshake(
    live: LiveServer, provider: Provider, two: Pair
) -> None:
    bearer = provider.token(two.patient_id, groups="g" * 5500)
    assert 7500 < len(bearer) < 8192
    with connect(live, bearer) as api:
        ok(api.get("me/"))
    chat_socket(live, two.chat_id, bearer).connection.close()


def test_what_is_refused_by_rest_is_refused_at_the_door(
    live: LiveServer, provider: Provider, two: Pair
) -> None:
    past = int(time.time()) - 1
    for bearer in (
        provider.token(two.patient_id, exp=past),
        provider.token(two.patient_id, aud="elsewhere"),
        provider.token(two.patient_id, RsaKey("rsa-1")),
        provider.token("p_nobody"),
        provider.token("a_admin1"),
    ):
        with connect(live, bearer) as api:
            refused(api.get("me/"), 401, "not_authenticated")
        assert refusal(live, chat_path(two), bearer).status == 401
    theirs = provider.token(two.therapist_id)
    path = f"/ws/notifications/{two.patient_id}/"
    assert refusal(live, path, theirs).status == 403


@pytest.mark.parametrize("kind", ["chat", "user"])
def test_a_deactivated_users_sockets_close(
    live: LiveServer, provider: Provider, two: Pair, kind: str
) -> None:
    bearer = provider.token(two.patient_id)
    opened = (
        chat_socket(live, two.chat_id, bearer)
        if kind == "chat"
        else user_socket(live, two.patient_id, bearer)
    )
    with opened as client, chat_socket(live, two.chat_id, two.therapist_token) as other:
        time.sleep(2.5)
        client.send("ping", ref="alive")
        client.until("pong", ref="alive")
        live.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (two.patient_id,))
        start = time.monotonic()
        with connect(live, bearer) as api:
            refused(api.get("me/"), 401, "not_authenticated")
        assert client.close_code(CLOSED_SECONDS + SLACK_SECONDS) == 4401
        assert time.monotonic() - start < CLOSED_SECONDS
        other.send("ping", ref="still")
        other.until("pong", ref="still")


def test_a_socket_lives_as_long_as_its_token_and_is_renewed(
    live: LiveServer, provider: Provider, two: Pair
) -> None:
    short = provider.token(two.patient_id, exp=int(time.time()) + 10)
    with (
        chat_socket(live, two.chat_id, short) as left,
        chat_socket(live, two.chat_id, short) as renewed,
    ):
        # Another key and another token, but the same issuer and person: the same session.
        renewed.send("authenticate", token=provider.token(two.patient_id, EC, jti="2"))
        for wrong in (
            provider.token(two.therapist_id),
            two.patient_token,
            provider.token(two.patient_id, aud="elsewhere"),
        ):
            renewed.send("authenticate", token=wrong, ref="w")
            assert renewed.until("error", ref="w")["code"] == "not_authenticated"
        assert left.close_code(30) == 4401
        renewed.send("ping", ref="alive")
        renewed.until("pong", ref="alive")


def test_our_own_socket_takes_no_outside_token(
    live: LiveServer, provider: Provider, two: Pair
) -> None:
    with chat_socket(live, two.chat_id, two.patient_token) as client:
        client.send("authenticate", token=provider.token(two.patient_id), ref="w")
        assert client.until("error", ref="w")["code"] == "not_authenticated"


def test_a_rotation_is_picked_up_and_hostile_names_ask_seldom(
    live: LiveServer, provider: Provider, two: Pair
) -> None:
    with connect(live, provider.token(two.patient_id)) as api:
        ok(api.get("me/"))
    before, start = provider.asked, time.monotonic()

    def hostile(number: int) -> int:
        key = EcKey(f"hostile-{number}")
        with connect(live, provider.token(two.patient_id, key)) as stranger:
            return stranger.get("me/").status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(hostile, range(120)))
    # 503 only where the asking itself was crowded; never let in.
    assert statuses <= {401, 503}
    assert provider.asked - before <= 1 + (time.monotonic() - start) / ASK_SECONDS

    rotated = EcKey("ec-2")
    provider.keys = [RSA, EC, rotated]
    time.sleep(ASK_SECONDS)
    with connect(live, provider.token(two.patient_id, rotated)) as api:
        ok(api.get("me/"))
    chat_socket(live, two.chat_id, provider.token(two.patient_id, rotated)).connection.close()


def test_a_provider_that_is_away(tmp_path: Path) -> None:
    """With known keys nothing changes; without, 503, and never a 401 that would log people out."""
    with own_database(SERVER_URL) as url, Provider(RSA) as up, Provider(EC) as down:
        down.stop()
        live = LiveServer(
            tmp_path,
            database_url=url,
            env={"THERAPYCONNECT_IDENTITY_PROVIDERS": json.dumps([up.config(), down.config()])},
        )
        live.start()
        try:
            (two,) = live.load_pairs(1)
            bearer = up.token(two.patient_id)
            with connect(live, bearer) as api:
                ok(api.get("me/"))
            up.stop()
            with connect(live, bearer) as api:
                ok(api.get("me/"))
            chat_socket(live, two.chat_id, bearer).connection.close()
            with connect(live, down.token(two.patient_id)) as api:
                answer = api.get("me/")
                refused(answer, 503, "identity_provider_unavailable")
                assert int(answer.headers["Retry-After"]) == ASK_SECONDS
            at_the_door = refusal(live, chat_path(two), down.token(two.patient_id))
            assert (at_the_door.status, at_the_door.code) == (503, "identity_provider_unavailable")
            assert at_the_door.headers["Retry-After"] == "5"
            with connect(live, two.patient_token) as api:
                ok(api.get("me/"))
            assert two.patient_id not in live.log_text()
            assert up.token(two.patient_id)[:30] not in live.log_text()
        finally:
            live.stop()
