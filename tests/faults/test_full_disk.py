"""The disk is full, to the last byte, and freed again: nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer
from therapyconnect.embedded import EmbeddedPostgresError, lease

SIZE = "320m"
# As long as it takes until everybody was told, and until PostgreSQL has tried to start anew.
HOLD_SECONDS = 25.0 if os.environ.get("TC_CHAOS") else 8.0
ROUNDS = 4 if os.environ.get("TC_CHAOS") else 1


@pytest.fixture
def small() -> Iterator[Path]:
    """A disk of a few hundred megabytes."""
    folder = Path(tempfile.mkdtemp(prefix="tc-full-"))
    options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs"]
    done = subprocess.run(
        ["mount", *options, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        folder.rmdir()
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


def test_a_full_disk_loses_nothing_and_free_space_is_enough(
    small: Path, seed: int, record_property: Record
) -> None:
    live = LiveServer(small / "data")
    live.data.mkdir()
    live.start()
    try:
        pairs = iter(live.load_pairs(3 * ROUNDS))
        for _ in range(ROUNDS):
            logged = live.log.stat().st_size
            endure(
                "disk full", lambda: _fill(live, small),
                server=live, pairs=[next(pairs) for _ in range(3)],
                seed=seed, record=record_property,
            )  # fmt: skip
            _check_log(live.log, logged, record_property)
    finally:
        live.stop(timeout=60)


def _fill(live: LiveServer, disk: Path) -> None:
    """Until nothing more can be written by anybody; then free."""
    ballast = disk / "ballast"
    with lease(live.data / "postgres") as held:
        for size in (65536, 1):
            with suppress(OSError), ballast.open("ab", buffering=0) as file:
                while file.write(b"\0" * size):
                    pass
        assert shutil.disk_usage(disk).free == 0
        with suppress(EmbeddedPostgresError):  # as a process that has lost its keeper tries
            lease(live.data / "postgres").release()
        assert not list((live.data / "postgres").glob(".probe-*"))
        end = time.monotonic() + HOLD_SECONDS
        while time.monotonic() < end:
            # The log of writes runs out of the space that it has set aside.
            with suppress(psycopg.Error), psycopg.connect(held.superuser_url) as admin:
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000000))")
            time.sleep(0.2)
        ballast.unlink()


def _check_log(log: Path, start: int, record: Record) -> None:
    """What did not fit is lost, and cuts a line or two."""
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    cut = [line for line in lines if not _sound(line)]
    measured = f"the server's log: {len(lines)} lines, {len(cut)} of them cut"
    record("measured", measured)
    print(measured)  # noqa: T201
    assert len(cut) <= 2 + len(lines) // 20


def _sound(line: str) -> bool:
    with suppress(ValueError):
        return isinstance(json.loads(line), dict)
    return False
