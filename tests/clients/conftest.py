"""A server that may be killed, beside the one that all tests share."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from tests.harness.server import LiveServer


@pytest.fixture(scope="session")
def strict(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Tokens that live for seconds, throttles on, and nobody minds if it is killed.

    On the shared server's database and keys, so it needs no migration and knows the same people.
    """
    folder = tmp_path_factory.mktemp("strict")
    shutil.copytree(server.data / "keys", folder / "keys")
    live = LiveServer(
        folder, database_url=server.database_url, throttles=True,
        command=[sys.executable, "-m", "tests.clients.strict"],
    )  # fmt: skip
    live.start()
    yield live
    live.stop()
