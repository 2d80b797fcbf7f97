"""The Python client logs in, stays in, and notices that it is out."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.accounts.api import code_of
from tests.clients.steps import SECONDS, Front, a, as_if, email_of, logged_in, page, run, until
from tests.harness.server import PASSWORD, LiveServer, Pair
from therapyconnect_client import (
    CaughtUp,
    Client,
    LoggedOut,
    NotAuthenticated,
    SecondFactorRequired,
    Stopped,
    Tokens,
    Unreachable,
)
from therapyconnect_client.session import TRIES

AUTH = "/_allauth/app/v1/"


def test_a_wrong_password_and_nobody(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with Client(server.base) as client:
            with pytest.raises(NotAuthenticated) as refused:
                await client.log_in(email_of(pair.patient_id), "wrong")
            assert refused.value.status == 400
            assert "password" in refused.value.code
            for out in (client.people.me(), client.send(pair.chat_id, "x")):
                with pytest.raises(LoggedOut):
                    await out
            with pytest.raises(LoggedOut):
                client.events()

    run(work())


def test_a_second_factor(server: LiveServer, pair: Pair) -> None:
    headers = {"Authorization": f"Bearer {server.login(email_of(pair.patient_id))['access_token']}"}
    with httpx.Client(base_url=server.base + AUTH, headers=headers, timeout=20) as http:
        http.post("auth/reauthenticate", json={"password": PASSWORD})
        secret = http.get("account/authenticators/totp").json()["meta"]["secret"]
        enrolled = http.post("account/authenticators/totp", json={"code": code_of(secret)})
        assert enrolled.status_code == 200, enrolled.text
        codes = http.get("account/authenticators/recovery-codes").json()["data"]["unused_codes"]

    async def work() -> None:
        async with Client(server.base) as client:
            with pytest.raises(SecondFactorRequired) as asked:
                await client.log_in(email_of(pair.patient_id), PASSWORD)
            with pytest.raises(NotAuthenticated):
                await client.second_factor(asked.value.pending, "000000")
            await client.second_factor(asked.value.pending, codes[0])
            assert (await client.people.me()).mfa_enrolled

    run(work())


@pytest.mark.parametrize("ends_in", [-5.0, 500.0], ids=["by the clock", "by the server"])
def test_twenty_that_find_the_token_ended_renew_it_once(
    server: LiveServer, pair: Pair, ends_in: float
) -> None:
    async def work() -> None:
        tokens = await logged_in(server, pair)
        ended = Tokens(as_if(pair.patient_id, ends_in=ends_in), tokens.refresh)
        kept: list[Tokens | None] = []
        async with Client(server.base, tokens=ended, on_tokens=kept.append) as client:
            found = await asyncio.gather(*(client.people.me() for _ in range(20)))
            assert {me.id for me in found} == {pair.patient_id}
            assert len(kept) == 1
            await a(client.events(), CaughtUp)

    run(work())


def test_who_gives_up_waiting_does_not_lose_the_next_token(server: LiveServer, pair: Pair) -> None:
    """Its answer is the only copy: the old one ends the session before long."""

    async def work() -> None:
        tokens = await logged_in(server, pair)
        ended = Tokens(as_if(pair.patient_id, ends_in=-5), tokens.refresh)
        kept: list[Tokens | None] = []
        async with Client(server.base, tokens=ended, on_tokens=kept.append) as client:
            asking = asyncio.create_task(client.people.me())
            await asyncio.sleep(0)
            while client._session._refreshing is None:
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        assert len(kept) == 1
        assert kept[0] not in (None, ended)

    run(work())


def test_a_refresh_that_failed_is_no_reason_to_log_out(server: LiveServer, pair: Pair) -> None:
    """The socket is refused for the same old token again: it was not renewed meanwhile."""
    _refused_while_refreshes_are(server, pair, [page(503)] * TRIES)


def test_a_refresh_that_comes_too_soon_is_made_later(server: LiveServer, pair: Pair) -> None:
    _refused_while_refreshes_are(server, pair, [page(429, "Retry-After: 0")])


def _refused_while_refreshes_are(server: LiveServer, pair: Pair, answers: list[bytes]) -> None:
    async def says(request: str) -> bytes | None:
        return answers.pop() if answers and request.endswith("tokens/refresh") else None

    async def work() -> None:
        tokens = await logged_in(server, pair)
        ended = Tokens(as_if(pair.patient_id, ends_in=500), tokens.refresh)
        async with Front(server.port) as front, Client(front.base, tokens=ended) as client:
            front.says = says
            await a(client.events(), CaughtUp)
            assert not answers

    run(work())


def test_a_refresh_without_an_answer_is_made_again_while_the_old_token_is_good(
    server: LiveServer, pair: Pair
) -> None:
    """However long other requests may take."""
    asked = 0

    async def says(request: str) -> bytes | None:
        nonlocal asked
        if request.endswith("tokens/refresh"):
            asked += 1
            if asked == 1:
                await asyncio.Event().wait()
        return None

    async def work() -> None:
        tokens = await logged_in(server, pair)
        ended = Tokens(as_if(pair.patient_id, ends_in=-5), tokens.refresh)
        async with (
            Front(server.port) as front,
            Client(front.base, tokens=ended, timeout=2 * SECONDS) as client,
        ):
            front.says = says
            assert (await client.people.me()).id == pair.patient_id
            assert asked == 2

    run(work(), SECONDS)


def test_log_out_with_a_token_that_is_too_old_ends_the_session(
    server: LiveServer, pair: Pair
) -> None:
    """The server says the same as where it ended: 401."""

    async def work() -> None:
        tokens = await logged_in(server, pair)
        # By this machine's clock it is good for a while.
        old = Tokens(as_if(pair.patient_id, ends_in=500), tokens.refresh)
        async with Client(server.base, tokens=old) as client:
            await client.log_out()
        async with Client(server.base, tokens=tokens) as other:
            with pytest.raises(LoggedOut):
                await other.people.me()

    run(work())


def test_log_out_ends_the_session_everywhere(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        tokens = await logged_in(server, pair)
        kept: list[Tokens | None] = []
        async with (
            Client(server.base, tokens=tokens) as other,
            Client(server.base, tokens=tokens, on_tokens=kept.append) as client,
        ):
            events = other.events()
            await a(events, CaughtUp)
            await client.log_out()
            assert kept == [None]
            with pytest.raises(LoggedOut):
                await client.people.me()
            # The window beside it: its socket is closed, and there is nothing to renew with.
            with pytest.raises(LoggedOut):
                await until(events, lambda _: False)
            with pytest.raises(LoggedOut):
                await other.people.me()
            # And in again, in the same client.
            await other.log_in(email_of(pair.patient_id), PASSWORD)
            await a(other.events(), CaughtUp)

    run(work())


def test_a_client_that_is_closed_lets_everybody_go(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        client = Client("http://127.0.0.1:9", tokens=Tokens(pair.patient_token, "none"))
        async with client:
            with pytest.raises(Unreachable):
                await client.people.me()
            events = client.events()
            delivery = await client.send(pair.chat_id, "never mind")
            waiting = asyncio.create_task(anext(events))
            await delivery.first_answer()
        with pytest.raises(Stopped):
            await delivery
        with pytest.raises(StopAsyncIteration):
            await waiting

    run(work())
