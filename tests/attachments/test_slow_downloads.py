"""Downloads that nobody reads on: they hold no connection that other requests need."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx

from tests.api.calls import connect
from tests.attachments.files import text_of
from tests.attachments.test_fetching import sent
from tests.harness.server import LiveServer, Pair

POOL = 8
AT_ONCE = POOL + 4
SIZE = 8 << 20
"""More than the kernel takes of an answer on both its sides."""


def test_more_slow_readers_than_connections(
    server: LiveServer, pair: Pair, therapist: httpx.Client, seed: int
) -> None:
    file = sent(therapist, pair.chat_id, text_of(SIZE, seed=seed))
    with ExitStack() as held, ThreadPoolExecutor(AT_ONCE) as crowd:
        clients = [held.enter_context(connect(server, pair.patient_token)) for _ in range(AT_ONCE)]

        def begin(api: httpx.Client) -> httpx.Response:
            return api.send(api.build_request("GET", f"attachments/{file}/"), stream=True)

        answers = list(crowd.map(begin, clients))
        for answer in answers:
            held.callback(answer.close)
        assert [answer.status_code for answer in answers] == [200] * AT_ONCE
        # Each of these goes to the database, whichever thread it comes to.
        asked = crowd.map(lambda _: therapist.get("me/").status_code, range(2 * AT_ONCE))
        assert list(asked) == [200] * (2 * AT_ONCE)
        assert all(not answer.is_stream_consumed for answer in answers)
