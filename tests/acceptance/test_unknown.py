"""G16: an unknown outcome resolves. The database is killed in mid-commit, on both sides of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.acceptance.faults import Faults, wait_for
from tests.acceptance.finals import read_final
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket
from therapyconnect.embedded import lease

ROUNDS = 2


def hang_before(connection: psycopg.Connection, folder: Path) -> None:
    """The commit hangs before it is one: nothing of it will be left."""
    connection.execute(
        "CREATE OR REPLACE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN PERFORM pg_sleep(20); RETURN NULL; END'"
    )
    connection.execute("DROP TRIGGER IF EXISTS hang ON messaging_message")
    connection.execute(
        "CREATE CONSTRAINT TRIGGER hang AFTER INSERT ON messaging_message"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hang()"
    )


def hang_after(connection: psycopg.Connection, folder: Path) -> None:
    """The commit is on disk, and its answer waits for a standby that does not exist."""
    settings = folder / "postgres" / "cluster" / "therapyconnect.conf"
    with settings.open("a") as file:
        file.write("\nsynchronous_standby_names = 'nobody'\n")
    connection.execute("SELECT pg_reload_conf()")
    wait_for(lambda: connection.execute("SHOW synchronous_standby_names").fetchone() == ("nobody",))
    time.sleep(0.3)


def heal(url: str) -> None:
    """The settings went with the restart, which writes them anew; the trigger is dropped."""

    def healed() -> bool:
        with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET synchronous_commit = local")
            connection.execute("DROP TRIGGER IF EXISTS hang ON messaging_message")
            return connection.execute("SHOW synchronous_standby_names").fetchone() == ("",)
        return False

    wait_for(healed)


@pytest.mark.parametrize(("hang", "left"), [(hang_before, False), (hang_after, True)])
def test_the_same_id_again_is_exactly_one_message(
    stack: LiveServer,
    stack_pairs: Iterator[Pair],
    hang: Callable[[psycopg.Connection, Path], None],
    left: bool,
    record_property: Callable[[str, object], None],
) -> None:
    pair = next(stack_pairs)
    faults = Faults(stack)
    statuses = []
    with lease(stack.data / "postgres") as held:
        url = held.superuser_url.replace("/postgres?", "/therapyconnect?")
        for n in range(ROUNDS):
            body = {"chat_id": pair.chat_id, "text": f"text {n}", "client_message_id": f"k{n}"}
            with psycopg.connect(url, autocommit=True) as superuser:
                superuser.execute("SET synchronous_commit = local")
                hang(superuser, stack.data)
            with (
                ThreadPoolExecutor() as pool,
                chat_socket(stack, pair.chat_id, pair.therapist_token) as other,
            ):
                asked = pool.submit(_send, stack, pair, body)
                wait_for(lambda: _hanging(url))
                assert not asked.done(), "it was answered before it was committed"
                while not faults.kill_postgres():
                    time.sleep(0.01)
                answer = asked.result(30)
                assert answer is not None
                assert answer.status_code == 503
                assert "retry-after" in answer.headers
                heal(url)
                wait_for(lambda: _ready(stack))
                final = read_final(stack.base, pair)
                assert len(final.messages) == n + (1 if left else 0)
                again = _settle(stack, pair, body)
                assert again.status_code == (200 if left else 201)
                assert again.json()["seq"] == n + 1
                assert _settle(stack, pair, body).json() == again.json()
                statuses.append(again.status_code)
                # And whoever listened hears of it, once, by itself.
                heard = other.until("chat_message", timeout=15)["message"]
                assert (heard["id"], heard["seq"]) == (again.json()["id"], n + 1)
                assert other.silent(0.3)
        final = read_final(stack.base, pair)
        assert [told.key for told in final.messages] == [f"k{n}" for n in range(ROUNDS)]
        assert final.last_seq == ROUNDS
        assert final.unread[pair.therapist_id] == ROUNDS
    record_property("measured", f"{ROUNDS} kills, then {statuses}")


def _send(stack: LiveServer, pair: Pair, body: dict[str, str]) -> httpx.Response | None:
    with stack.api(pair.patient_token) as api:
        return api.post("messages/send_message/", json=body)


def _settle(stack: LiveServer, pair: Pair, body: dict[str, str]) -> httpx.Response:
    """Ask until it is known, as a client does."""
    for _ in range(100):
        answer = _send(stack, pair, body)
        assert answer is not None
        if answer.status_code != 503:
            return answer
        time.sleep(0.2)
    raise AssertionError("still 503")


def _hanging(url: str) -> bool:
    """Whether a commit hangs where it was told to."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event IN ('PgSleep', 'SyncRep')"
        ).fetchone()
        return row is not None and row[0] > 0


def _ready(stack: LiveServer) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{stack.base}/health/ready", timeout=5).status_code == 200
    return False
