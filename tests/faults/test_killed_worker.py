"""A batch dies in mid-commit, on both sides of it: every sender gets an honest unknown.

The application is killed, or the lane's connection ended, while the commit hangs: before it is one
(nothing of it is left), or after (it is on the disk, and its answer waits for a standby that does
not exist). The same `client_message_id` again settles it, as exactly one message.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.faults import wait_for
from tests.acceptance.finals import read_final
from tests.acceptance.test_unknown import hang_after, hang_before
from tests.faults.batches import (
    GATHER_SECONDS,
    LANES,
    held_back,
    send,
    settle,
    transactions,
)
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer

SENDERS = 6
HANGING = "FROM pg_stat_activity WHERE wait_event IN ('PgSleep', 'SyncRep')"
CONTAINED = "synchronous_standby_names = 'nobody'\n"

Kill = Callable[[LiveServer, psycopg.Connection], None]


def kill_the_application(stack: LiveServer, admin: psycopg.Connection) -> None:
    stack.kill()


def end_the_connection(stack: LiveServer, admin: psycopg.Connection) -> None:
    ended = admin.execute(f"SELECT pg_terminate_backend(pid) {HANGING}").fetchall()
    assert ended


@pytest.mark.parametrize("kill", [kill_the_application, end_the_connection])
def test_every_sender_of_a_dead_batch_can_settle_it(
    stack: LiveServer,
    take: Take,
    superuser: str,
    kill: Kill,
    seed: int,
    record_property: Record,
) -> None:
    storming, pairs = take(2), take(LANES + SENDERS)
    told: list[str] = []
    # A start of the application takes seconds: the short run leaves out what differs least.
    short = kill is kill_the_application and not os.environ.get("TC_CHAOS")
    sides = [(hang_after, True)] if short else [(hang_before, False), (hang_after, True)]

    def both_sides() -> None:
        for hang, left in sides:
            key = hang.__name__
            with psycopg.connect(superuser, autocommit=True) as admin:
                admin.execute("SET synchronous_commit = local")
                try:
                    with ThreadPoolExecutor(len(pairs)) as crowd:
                        with held_back(crowd, stack, superuser, pairs[:LANES], key) as firsts:
                            rest = pairs[LANES:]
                            asked = [crowd.submit(send, stack, pair, key) for pair in rest]
                            time.sleep(GATHER_SECONDS)
                            hang(admin, stack.data)
                        wait_for(lambda: _hanging(admin) == LANES)
                        # Those in front get out of the way, so the rest is one batch.
                        admin.execute(f"SELECT pg_cancel_backend(pid) {HANGING}")
                        wait_for(lambda: all(one.done() for one in firsts.values()))
                        wait_for(lambda: _hanging(admin) > 0)
                        assert not all(one.done() for one in asked), "answered before its commit"
                        kill(stack, admin)
                        answers = [one.result() for one in asked]
                finally:
                    _heal(superuser, admin, stack.data)
            unknown = [None if answer is None else answer[0] for answer in answers]
            # Whoever came too early or too late for the dead batch may have been written.
            assert set(unknown) <= {None, 503, 201}
            assert unknown.count(201) < SENDERS
            if stack.process is None:
                stack.start()
            kept = transactions(superuser, key)
            settled = [settle(stack, pair, key) for pair in pairs]
            for pair, (status, body) in zip(pairs, settled, strict=True):
                assert status == (200 if pair.chat_id in kept else 201)
                assert settle(stack, pair, key)[1]["id"] == body["id"]
            assert bool(kept) or not left, "nothing was left by a commit that was on the disk"
            told.append(
                f"{key}: {dict(Counter(map(str, unknown)))},"
                f" then {dict(Counter(status for status, _ in settled))}"
            )

    done = endure(
        kill.__name__.replace("_", " ") + " while a commit hangs", both_sides,
        server=stack, pairs=storming, seed=seed, record=record_property,
        restarts=kill is kill_the_application,
    )  # fmt: skip
    if kill is end_the_connection:
        # Whoever waits for a lane holds no connection that somebody else could use.
        assert {seen.status for seen in done.witness.seen if seen.what == "ready"} == {200}
    for pair in pairs:
        final = read_final(stack.base, pair)
        assert [message.key for message in final.messages] == [hang.__name__ for hang, _ in sides]
        assert final.last_seq == len(sides)
    record_property("measured", "; ".join(told))
    print("; ".join(told))  # noqa: T201


def _hanging(admin: psycopg.Connection) -> int:
    row = admin.execute(f"SELECT count(*) {HANGING}").fetchone()
    assert row is not None
    return int(row[0])


def _heal(superuser: str, admin: psycopg.Connection, folder: Path) -> None:
    """The standby is not waited for any more, and the trigger is dropped, commits or not."""
    settings = folder / "postgres" / "cluster" / "therapyconnect.conf"
    settings.write_text(settings.read_text().replace(CONTAINED, ""))
    admin.execute("SELECT pg_reload_conf()")
    shown = "SHOW synchronous_standby_names"
    wait_for(lambda: admin.execute(shown).fetchone() == ("",))
    with ThreadPoolExecutor(1) as other, psycopg.connect(superuser, autocommit=True) as second:
        # Whoever writes next waits behind this one; whoever hangs in front of it is ended.
        second.execute("SET lock_timeout = '20s'")
        drop = "DROP TRIGGER IF EXISTS hang ON messaging_message"
        dropped = other.submit(second.execute, drop)
        wait_for(lambda: _end(admin) and dropped.done())
        dropped.result()


def _end(admin: psycopg.Connection) -> bool:
    admin.execute(f"SELECT pg_terminate_backend(pid) {HANGING}")
    return True
