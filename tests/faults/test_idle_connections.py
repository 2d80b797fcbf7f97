"""Connections that the database ended while nobody used them: the next message does not notice."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.acceptance.faults import wait_for
from tests.faults.conftest import Take
from tests.faults.test_stuck_chat import acked, opened, say
from tests.harness.server import LiveServer

# Of the application: our own, and what watches, are other users' or other databases'.
OTHERS = (
    "FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle'"
)

READERS = 8  # as many as a pool holds
ADMITTED = 6  # of new sockets so many read at once: what their pool holds


def waiting(admin: psycopg.Connection[tuple[int]]) -> int:
    """How many wait for a lock."""
    row = admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    assert row is not None
    return row[0]


def end_all_idle(admin: psycopg.Connection[tuple[int]]) -> int:
    """How many connections the database ended; all of them are gone by now."""
    ended = [row[0] for row in admin.execute(f"SELECT pid {OTHERS}").fetchall()]
    admin.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [ended])
    gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
    wait_for(lambda: admin.execute(gone, [ended]).fetchone() == (0,))
    return len(ended)


def test_a_message_after_every_idle_connection_was_ended(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    pair = take(1)[0]

    async def talk() -> None:
        async with await opened(stack, pair) as socket:
            await say(socket, "before")
            await acked(socket, "before")
            with psycopg.connect(superuser, autocommit=True) as admin:
                assert end_all_idle(admin)
            # An error frame would fail it: no retry, the first attempt is acknowledged.
            await say(socket, "after")
            await acked(socket, "after")

    asyncio.run(talk())


def test_a_reading_after_every_idle_connection_was_ended(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    """The readers' pools are full of connections that died together: the first reading finds one
    dead, and is not told to come again."""
    pair = take(1)[0]
    with (
        psycopg.connect(superuser, autocommit=True) as admin,
        stack.api(pair.patient_token) as api,
        ThreadPoolExecutor(READERS) as readers,
    ):

        def read() -> int:
            return api.get(f"chats/{pair.chat_id}/").status_code

        # Readers who all wait for the same lock need a connection each.
        with admin.transaction():
            admin.execute("LOCK TABLE messaging_chat")
            reading = [readers.submit(read) for _ in range(READERS)]
            wait_for(lambda: waiting(admin) >= READERS)
        assert [one.result() for one in reading] == [200] * READERS
        assert end_all_idle(admin) >= READERS
        assert read() == 200


def test_sockets_after_every_idle_connection_was_ended(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    """The same for what sockets read: opened right after, each is greeted."""
    pair = take(1)[0]

    async def talk() -> None:
        with psycopg.connect(superuser, autocommit=True) as admin:
            with admin.transaction():
                admin.execute("LOCK TABLE messaging_chat")
                opening = [asyncio.create_task(opened(stack, pair)) for _ in range(READERS)]
                async with asyncio.timeout(10):
                    while waiting(admin) < ADMITTED:
                        await asyncio.sleep(0.05)
            for one in opening:
                await (await one).close()
            assert end_all_idle(admin) >= ADMITTED
            await (await opened(stack, pair)).close()

    asyncio.run(talk())
