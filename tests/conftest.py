"""A PostgreSQL for the run, and a real server on it.

Without `DATABASE_URL` the embedded server is started in a folder that is thrown away; with it, that
server is used (the role must be allowed to create databases), each run in databases of its own.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair
from therapyconnect.accounts import limits, quotas
from therapyconnect.embedded import lease

# No test is about how long an example takes, and a busy machine stalls for longer than the default.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.load_profile("here")

UNDER_FIRE = ("acceptance", "backup", "browser", "cluster", "crowd", "faults")
"""Rooms whose tests load and break whole installations, or fill a processor as a browser does:
never two of them at a time."""

_DATA = Path(tempfile.mkdtemp(prefix="tc-test-"))
# Kept beside, as workers inherit the environment and each has a server of its own.
_EXTERNAL = os.environ.setdefault("TC_DATABASE_URL", os.environ.get("DATABASE_URL", ""))
_held = None if _EXTERNAL else lease(_DATA / "postgres")
SERVER_URL = _EXTERNAL or _held.url  # type: ignore[union-attr]

# Before Django's settings are first read: the in-process tests use the same server and own keys.
os.environ["DATABASE_URL"] = SERVER_URL
os.environ["THERAPYCONNECT_DATA"] = str(_DATA / "in-process")
os.environ["THERAPYCONNECT_MODE"] = "demo"
os.environ["DJANGO_SETTINGS_MODULE"] = "therapyconnect.config.settings"
django.setup()

# Once in a hundred calls these delete what is old: another statement, and fewer rows, for whoever
# counts them. The tests that are about it set their own chance.
limits._PURGE_CHANCE = quotas._PURGE_CHANCE = 0  # type: ignore[misc]


class Rooms(LoadScopeScheduling):
    """What one worker runs in one go: a file, or all of the rooms under fire."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "under fire" if file.split("/")[1] in UNDER_FIRE else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Rooms:
    return Rooms(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests measured, for whoever wants more than that they passed."""
    measured = [
        (report.nodeid.removeprefix("tests/"), value)
        for report in terminalreporter.stats.get("passed", [])
        for name, value in report.user_properties
        if name == "measured"
    ]
    if measured:
        terminalreporter.section("measured")
        for where, value in measured:
            terminalreporter.write_line(f"{where}: {value}")


def pytest_unconfigure() -> None:
    if _held is not None:
        _held.release()
    shutil.rmtree(_DATA, ignore_errors=True)


@pytest.fixture
def seed() -> int:
    """Of everything that a test leaves to chance; `TC_SEED` repeats a run.

    In the captured output, which pytest shows of a failing test.
    """
    given = int(os.environ.get("TC_SEED") or secrets.randbelow(10**6))
    random.seed(given)
    print(f"TC_SEED={given}")  # noqa: T201
    return given


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database of this run's own."""
    with own_database(SERVER_URL) as url:
        yield url


@pytest.fixture(scope="session")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The whole product in a process of its own, demo mode, throttles off."""
    live = LiveServer(tmp_path_factory.mktemp("server"), database_url=database_url)
    live.start()
    yield live
    live.stop()


@pytest.fixture(scope="session")
def admin_token(server: LiveServer) -> str:
    """An access token of the demo's administrator."""
    return server.lasting_token("a_admin1")


@pytest.fixture(scope="session")
def _pairs(server: LiveServer) -> Iterator[Pair]:
    return _supply(server)


def _supply(server: LiveServer) -> Iterator[Pair]:
    """As many as the run needs, made by the hundred."""
    for first in range(1, 99_900, 100):
        yield from server.load_pairs(100, first=first)


@pytest.fixture
def pair(_pairs: Iterator[Pair]) -> Pair:
    """A therapist and a patient with an empty chat that no other test uses."""
    return next(_pairs)


@pytest.fixture
def other_pair(_pairs: Iterator[Pair]) -> Pair:
    return next(_pairs)
