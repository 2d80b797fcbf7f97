"""One drill for all tests here: a backup in the middle of a storm, and what is restored from it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.backup.drill import CHATS, Drill, Origin, take_ring
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer

FIRST_PAIR = 99_951
"""Above those that the other tests take."""


@pytest.fixture(scope="session")
def origin(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Origin:
    """The run's server, backed up under load. It is still running."""
    seed = int(os.environ.get("TC_SEED") or secrets.randbelow(10**6))
    print(f"TC_SEED={seed}")  # noqa: T201
    *pairs, quiet = server.load_pairs(CHATS + 1, first=FIRST_PAIR)
    return Origin.made(server, tmp_path_factory.mktemp("backups") / "clinic.tc", seed, pairs, quiet)


@pytest.fixture(scope="session")
def drill(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """The product on an empty database and folder, from nothing but the file and the ring."""
    with ExitStack() as stack:
        url = stack.enter_context(own_database(SERVER_URL))
        folder = tmp_path_factory.mktemp("restored")
        take_ring(origin, folder)
        live = LiveServer(folder, database_url=url)
        said = live.manage("restore", str(origin.file))
        sessions = live.sql("SELECT key FROM accounts_session")
        sessions += live.sql("SELECT session_key FROM usersessions_usersession")
        # An hour passes between the backup and the day that it is needed.
        live.sql("UPDATE messaging_emergencyalert SET due_at = due_at - interval '1 hour'")
        live.start()
        stack.callback(live.kill)
        yield Drill(origin, live, said, len(sessions))
