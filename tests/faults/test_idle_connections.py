"""Connections that the database ended while nobody used them: the next message does not notice."""

from __future__ import annotations

import asyncio

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


def test_a_message_after_every_idle_connection_was_ended(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    pair = take(1)[0]

    async def talk() -> None:
        async with await opened(stack, pair) as socket:
            await say(socket, "before")
            await acked(socket, "before")
            with psycopg.connect(superuser, autocommit=True) as admin:
                ended = [row[0] for row in admin.execute(f"SELECT pid {OTHERS}").fetchall()]
                assert ended
                admin.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", [ended])
                gone = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)"
                wait_for(lambda: admin.execute(gone, [ended]).fetchone() == (0,))
            # An error frame would fail it: no retry, the first attempt is acknowledged.
            await say(socket, "after")
            await acked(socket, "after")

    asyncio.run(talk())
