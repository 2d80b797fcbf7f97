"""Strangers take every connection that the database has, and the product loses its own."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing

import psycopg

from tests.acceptance.faults import wait_for
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer
from therapyconnect.embedded import Lease

# A pool that doubles the pause after each failed try would then be away for another 20 s.
HOLD_SECONDS = 42.0 if os.environ.get("TC_CHAOS") else 8.0
BACK_SECONDS = 10.0
OURS = "application_name <> 'stranger' AND usename = 'therapyconnect'"


def test_no_connection_left_is_503_and_one_given_back_is_enough(
    stack: LiveServer, take: Take, held: Lease, superuser: str, seed: int, record_property: Record
) -> None:
    taken = 0

    def take_all() -> None:
        nonlocal taken
        with ExitStack() as strangers, psycopg.connect(superuser, autocommit=True) as admin:

            def theirs() -> bool:
                """Take what is free, end one of the product's, and so on until it has none."""
                nonlocal taken
                try:
                    while True:
                        one = psycopg.connect(held.url, application_name="stranger")
                        strangers.enter_context(closing(one))
                        taken += 1
                except psycopg.OperationalError:
                    pass
                ended = admin.execute(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OURS}"
                ).fetchall()
                return not ended

            wait_for(theirs, 60)
            end = time.monotonic() + HOLD_SECONDS
            while time.monotonic() < end:
                theirs()
                time.sleep(0.1)

    done = endure(
        "every connection of the database taken", take_all,
        server=stack, pairs=take(3), seed=seed, record=record_property,
    )  # fmt: skip
    assert taken > 100
    assert done.back < BACK_SECONDS, "the outage was felt for longer than it lasted"
