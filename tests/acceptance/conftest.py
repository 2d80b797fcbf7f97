"""Servers for acceptance: one made ready once, and copies of it for whoever breaks things."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.twins.server import TwinServer
from tests.harness.database import with_database
from tests.harness.server import ROOT, LiveServer, Pair

SERVER = "DATABASE_URL"
PAIRS = 50


class Mould:
    """A migrated database with pairs and its keys, to copy: making one takes many seconds."""

    def __init__(self, folder: Path) -> None:
        self.data = folder
        self.name = f"tc_mould_{secrets.token_hex(6)}"
        self._create(self.name, "template1")
        ready = LiveServer(folder, database_url=with_database(os.environ[SERVER], self.name))
        self.pairs = _make_ready(ready)

    @contextmanager
    def cast(self, defect: str | None = None, *, throttles: bool = False) -> Iterator[LiveServer]:
        """A server on a copy; with a defect, where one is named."""
        name = f"tc_cast_{secrets.token_hex(6)}"
        folder = Path(tempfile.mkdtemp(prefix="tc-cast-"))
        shutil.copytree(self.data / "keys", folder / "keys")
        self._create(name, self.name)
        settings: dict[str, Any] = {
            "database_url": with_database(os.environ[SERVER], name),
            "throttles": throttles,
        }
        live = TwinServer(folder, defect, **settings) if defect else LiveServer(folder, **settings)
        try:
            live.start()
            yield live
        finally:
            if live.process is not None:
                live.kill()
            self.drop(name)
            shutil.rmtree(folder, ignore_errors=True)

    def drop(self, name: str) -> None:
        with psycopg.connect(os.environ[SERVER], autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _create(self, name: str, template: str) -> None:
        with psycopg.connect(os.environ[SERVER], autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


def _make_ready(live: LiveServer) -> list[Pair]:
    """Tables, demo and pairs in one process: each start of one costs seconds."""
    script = (
        "import django; django.setup(); from django.core.management import call_command as c;"
        f" c('migrate', verbosity=0); c('demo'); c('loadusers', {PAIRS})"
    )
    environment = {**live.env, "DJANGO_SETTINGS_MODULE": "therapyconnect.config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment,
        capture_output=True, text=True, timeout=180, check=True,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return [Pair(**line) for line in map(json.loads, lines) if "therapist_token" in line]


@pytest.fixture(scope="session")
def stack() -> Iterator[LiveServer]:
    """The product with an embedded PostgreSQL of its own, to kill; its folder's name is short."""
    folder = Path(tempfile.mkdtemp(prefix="tc-stack-"))
    live = LiveServer(folder)
    try:
        live.start()
        yield live
    finally:
        with suppress(Exception):
            live.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack_pairs(stack: LiveServer) -> Iterator[Pair]:
    """Pairs of `stack`, each to be used once."""
    return iter(stack.load_pairs(20))


@pytest.fixture(scope="session")
def mould(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mould]:
    made = Mould(tmp_path_factory.mktemp("mould"))
    yield made
    made.drop(made.name)


@pytest.fixture(scope="session")
def product(mould: Mould) -> Iterator[LiveServer]:
    """The product as it is, on a copy of its own; nothing is killed there."""
    with mould.cast() as live:
        yield live


@pytest.fixture(scope="session")
def _product_pairs(mould: Mould) -> Iterator[Pair]:
    return iter(mould.pairs)


@pytest.fixture
def take(_product_pairs: Iterator[Pair]) -> Callable[[int], list[Pair]]:
    """`take(n)`: pairs with empty chats on `product` that no other test uses."""
    return lambda count: [next(_product_pairs) for _ in range(count)]
