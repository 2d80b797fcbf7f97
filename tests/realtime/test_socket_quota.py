"""Buckets at the door: a flood of handshakes is refused, and costs nobody else anything."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
import pytest
from websockets.exceptions import InvalidStatus

from tests.harness.database import own_database
from tests.harness.processes import when
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient
from tests.realtime.tools import chat_path, refusal

Where = tuple[str, int]


@pytest.fixture(scope="module")
def throttled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own with throttles on."""
    from tests.conftest import SERVER_URL

    with own_database(SERVER_URL) as url:
        live = LiveServer(tmp_path_factory.mktemp("throttled"), database_url=url, throttles=True)
        live.start()
        yield live
        live.stop()


@pytest.fixture(scope="module")
def own_pairs(throttled: LiveServer) -> Iterator[Pair]:
    return iter(throttled.load_pairs(8))


@pytest.fixture
def who(own_pairs: Iterator[Pair]) -> Pair:
    return next(own_pairs)


_addresses = iter(range(2, 250))


@pytest.fixture
def here() -> Where:
    """An address of this machine that no other test comes from."""
    return (f"127.0.9.{next(_addresses)}", 0)


def statuses(
    server: LiveServer, path: str, token: str | None, times: int, here: Where
) -> list[int]:
    """What that many handshakes are answered; 101 where one is let in."""
    found = []
    for _ in range(times):
        try:
            with SocketClient(server, path, token, source_address=here):
                found.append(101)
        except InvalidStatus as error:
            found.append(error.response.status_code)
    return found


@contextmanager
def locked(server: LiveServer, *tables: str) -> Iterator[None]:
    """Whoever asks one of these tables waits."""
    assert server.database_url is not None
    with psycopg.connect(server.database_url) as holder:
        holder.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


def set_tokens(server: LiveServer, key: str, tokens: float) -> None:
    """What the buckets `key` hold, for an hour: a clock that went back gives nothing."""
    server.sql(
        "UPDATE accounts_quota SET tokens = %s, at = now() + interval '1 h' WHERE key LIKE %s",
        (tokens, key),
    )


def test_bad_handshakes_of_one_address(throttled: LiveServer, who: Pair, here: Where) -> None:
    path = chat_path(who)
    began = time.monotonic()
    found: list[int] = []
    while 429 not in found and len(found) < 600:
        found += statuses(throttled, path, "bad", 1, here)
    gained = time.monotonic() - began
    assert found[:-1] == [401] * (len(found) - 1)
    assert 60 <= len(found) - 1 <= 61 + gained
    set_tokens(throttled, "socket_refused:%", -200)
    time.sleep(1.1)  # so long it stays shut
    for waits in ([201], range(100, 202)):  # the first is told by the database
        told = refusal(throttled, path, "bad", source_address=here)
        assert (told.status, told.code, told.body["type"]) == (429, "throttled", "client_error")
        assert told.body["errors"][0]["attr"] is None
        assert int(told.headers["Retry-After"]) in waits
        assert "WWW-Authenticate" not in told.headers
    # Nothing is verified any more, so a good token is not heard either; elsewhere it is.
    assert statuses(throttled, path, who.patient_token, 1, here) == [429]
    elsewhere = (f"127.0.9.{next(_addresses)}", 0)
    assert statuses(throttled, path, who.patient_token, 1, elsewhere) == [101]
    assert statuses(throttled, path, "bad", 1, elsewhere) == [401]


def test_the_bucket_is_shared_and_who_waits_gets_in(
    throttled: LiveServer, who: Pair, here: Where
) -> None:
    path = chat_path(who)
    before = dict(throttled.sql("SELECT key, tokens FROM accounts_quota"))
    assert statuses(throttled, path, None, 1, here) == [401]
    (key,) = set(dict(throttled.sql("SELECT key, tokens FROM accounts_quota"))) - set(before)
    assert key.startswith("socket_refused:")
    assert here[0] not in key
    # As if another process had used it up.
    set_tokens(throttled, key, -1)
    assert statuses(throttled, path, who.patient_token, 1, here) == [101]  # nobody asks for those
    asked = time.monotonic()
    told = refusal(throttled, path, None, source_address=here)
    assert (told.status, told.headers["Retry-After"]) == (429, "2")
    when(lambda: statuses(throttled, path, who.patient_token, 1, here) == [101])
    assert time.monotonic() - asked >= 2


def test_a_forwarding_header_buys_nothing(throttled: LiveServer, who: Pair, here: Where) -> None:
    """Nobody is a trusted proxy here: the address is the peer's."""
    assert statuses(throttled, chat_path(who), "bad", 1, here) == [401]
    set_tokens(throttled, "socket_refused:%", -200)
    found = [
        refusal(
            throttled, chat_path(who), "bad", source_address=here,
            headers={"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"},
        ).status
        for n in range(20)
    ]  # fmt: skip
    assert found == [429] * 20


def test_a_flood_asks_the_database_nothing(throttled: LiveServer, who: Pair, here: Where) -> None:
    path = chat_path(who)
    assert statuses(throttled, path, "bad", 1, here) == [401]
    set_tokens(throttled, "socket_refused:%", -200)
    assert statuses(throttled, path, "bad", 1, here) == [429]
    # Whoever asked would wait, and then be told something else.
    with locked(throttled, "accounts_quota", "accounts_session", "accounts_user"):
        for token in ("bad", who.patient_token):
            assert statuses(throttled, path, token, 20, here) == [429] * 20


def test_many_at_once_are_counted_all_the_same(
    throttled: LiveServer, who: Pair, here: Where
) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: found.extend(statuses(throttled, chat_path(who), "bad", 10, here))
        )
        for _ in range(12)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    counted = Counter(found)
    assert set(counted) == {401, 429}
    assert 60 <= counted[401] <= 61 + seconds


def test_sockets_of_one_user(throttled: LiveServer, who: Pair, here: Where) -> None:
    """All kinds of sockets together, and those that are refused for another reason too."""
    user, chat = f"/ws/notifications/{who.patient_id}/", chat_path(who)
    assert statuses(throttled, user, who.patient_token, 1, here) == [101]
    name = f"socket:{who.patient_id}"
    assert throttled.sql("SELECT count(*) FROM accounts_quota WHERE key = %s", (name,)) == [(1,)]
    set_tokens(throttled, name, 3)
    assert statuses(throttled, chat, who.patient_token, 1, here) == [101]
    assert statuses(throttled, "/ws/chat/CHAT_t_x00_p_x00/", who.patient_token, 1, here) == [404]
    assert statuses(throttled, user, who.patient_token, 1, here) == [101]
    for path in (user, chat):
        told = refusal(throttled, path, who.patient_token, source_address=here)
        assert (told.status, told.code, told.headers["Retry-After"]) == (429, "throttled", "1")
    # The other person of the chat is not meant.
    assert statuses(throttled, chat, who.therapist_token, 2, here) == [101, 101]
    # The refusal was remembered for a second only; the next one lasts.
    set_tokens(throttled, name, -200)
    asked = partial(refusal, throttled, chat, who.patient_token, source_address=here)
    when(lambda: asked().headers["Retry-After"] == "101")
    with locked(throttled, "accounts_quota"):
        throttled_again = statuses(throttled, chat, who.patient_token, 5, here)
    assert throttled_again == [429] * 5


def test_a_full_bucket_opens_a_hundred_and_twenty(
    throttled: LiveServer, who: Pair, here: Where
) -> None:
    began = time.monotonic()
    found = statuses(throttled, chat_path(who), who.patient_token, 160, here)
    gained = 2 * (time.monotonic() - began)
    assert found[:120] == [101] * 120
    assert Counter(found)[101] <= 122 + gained


def test_where_the_count_fails_the_refusal_stands(
    throttled: LiveServer, who: Pair, here: Where
) -> None:
    throttled.sql("ALTER TABLE accounts_quota RENAME TO accounts_quota_away")
    try:
        assert statuses(throttled, chat_path(who), "bad", 2, here) == [401, 401]
    finally:
        throttled.sql("ALTER TABLE accounts_quota_away RENAME TO accounts_quota")
    assert statuses(throttled, chat_path(who), who.patient_token, 1, here) == [101]


def test_off_means_off(server: LiveServer, pair: Pair, here: Where) -> None:
    counted = "SELECT key, tokens, at FROM accounts_quota WHERE key LIKE 'socket%%' ORDER BY key"
    before = server.sql(counted)  # of other servers on this database, whose throttles are on
    assert statuses(server, chat_path(pair), "bad", 80, here) == [401] * 80
    assert statuses(server, chat_path(pair), pair.patient_token, 130, here) == [101] * 130
    assert server.sql(counted) == before
