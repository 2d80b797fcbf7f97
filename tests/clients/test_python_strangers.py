"""What something on the way says in the server's place is not the server's word."""

from __future__ import annotations

import pytest

from tests.clients.steps import Front, a, as_if, logged_in, page, run
from tests.harness.server import LiveServer, Pair
from therapyconnect_client import CaughtUp, Client, NotFound, Tokens, Unavailable

ROUTES = {
    "refresh": "POST /_allauth/app/v1/tokens/refresh",
    "send": "POST /api/messages/send_message/",
    "handshake": "GET /ws/notifications/",
    "list": "GET /api/chats/",
}


@pytest.mark.parametrize("status", [200, 302, 403, 404])
@pytest.mark.parametrize("route", ROUTES)
def test_what_a_stranger_answers_is_asked_again(
    server: LiveServer, pair: Pair, route: str, status: int
) -> None:
    left = 1

    async def says(request: str) -> bytes | None:
        nonlocal left
        if left and request.startswith(ROUTES[route]):
            left -= 1
            return page(status)
        return None

    async def work() -> None:
        tokens = await logged_in(server, pair)
        ended = Tokens(as_if(pair.patient_id, ends_in=-5), tokens.refresh)
        async with Front(server.port) as front, Client(front.base, tokens=ended) as client:
            front.says = says
            events = client.events()
            delivery = await client.send(pair.chat_id, "still here")
            assert (await delivery).text == "still here"
            await a(events, CaughtUp)
            assert left == 0

    run(work())


def test_a_log_in_at_a_stranger_is_no_wrong_password(server: LiveServer, pair: Pair) -> None:
    statuses = [200, 400, 404]

    async def says(request: str) -> bytes | None:
        return page(statuses[0])

    async def work() -> None:
        async with Front(server.port) as front, Client(front.base) as client:
            front.says = says
            while statuses:
                with pytest.raises(Unavailable):
                    await client.log_in("somebody@demo.test", "a word")
                statuses.pop(0)

    run(work())


def test_the_servers_own_no_is_one(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        tokens = await logged_in(server, pair)
        async with Client(server.base, tokens=tokens) as client:
            with pytest.raises(NotFound) as refused:
                await client.chats.get("CHAT_t_nobody_p_nobody")
            assert refused.value.code == "not_found"

    run(work())
