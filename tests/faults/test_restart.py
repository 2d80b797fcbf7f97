"""`pg_ctl restart` by an operator, fast and immediate, in the middle of a storm."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.acceptance.faults import wait_for
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer
from therapyconnect.embedded import Lease
from therapyconnect.embedded.binaries import locate
from therapyconnect.embedded.processes import Process


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_by_hand_loses_nothing(
    stack: LiveServer,
    take: Take,
    held: Lease,
    mode: str,
    seed: int,
    record_property: Record,
) -> None:
    cluster = stack.data / "postgres" / "cluster"
    # pg_ctl refuses root as the server does.
    prefix = ["unshare", "-U"] if os.geteuid() == 0 else []
    command = [str(locate().bin_dir / "pg_ctl"), "restart", "-m", mode, "-D", str(cluster)]

    def restart() -> None:
        # The keeper replaces the server that pg_ctl starts, so pg_ctl may say that it failed.
        subprocess.run(
            [*prefix, *command, "-l", os.devnull, "-t", "20"], capture_output=True, check=False
        )

    def replaced() -> bool:
        """The keeper's own server has taken the place of the one that pg_ctl started."""
        server = Process.of(held.server_pid())
        parent = server.parent() if server is not None else 0
        with suppress(OSError, psycopg.OperationalError):
            keeper = b"embedded.keeper" in Path(f"/proc/{parent}/cmdline").read_bytes()
            return keeper and psycopg.connect(held.url).closed == 0
        return False

    endure(
        f"pg_ctl restart -m {mode}", restart,
        server=stack, pairs=take(3), seed=seed, record=record_property,
        settled=lambda: wait_for(replaced),
    )  # fmt: skip
