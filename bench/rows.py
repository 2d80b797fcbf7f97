"""pgbench: one row per commit into the product's own tables, fifty clients. The plain baseline.

It seals nothing, checks nothing and answers nobody; each client has a chat of its own, so none
waits for another's lock. What it measures is a commit per message on this PostgreSQL.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from bench.cells import PAIRS
from bench.meter import Meter
from bench.stage import Stage

_SQL = Path(__file__).parent / "sql"


def available() -> bool:
    return shutil.which("pgbench") is not None


def measure(stage: Stage, script: str, *, seconds: float) -> dict[str, Any]:
    """Run `sql/<script>.sql` with prepared statements for `seconds`."""
    params = conninfo_to_dict(stage.url("rows"))
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
             "dbname": "PGDATABASE"}  # fmt: skip
    env = {**os.environ, **{names[k]: str(v) for k, v in params.items() if k in names}}
    meter = Meter(0, stage.postgres_pid)
    used, own = meter.read(), _children_seconds()
    done = subprocess.run(
        [
            "pgbench", "-n", "-M", "prepared", "-c", str(PAIRS), "-j", "1",
            "-T", str(max(1, round(seconds))), "-f", str(_SQL / f"{script}.sql"),
        ],
        env=env, capture_output=True, text=True, timeout=seconds + 60,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"pgbench failed:\n{done.stderr[-2000:]}")
    time.sleep(0.3)  # until the postmaster has reaped, and so counted, its backends
    used, own = meter.read().since(used), _children_seconds() - own
    count = int(_found(r"actually processed: (\d+)", done.stdout))
    if count == 0:
        raise SystemExit(f"pgbench had no time to connect in {seconds:g} s: ask for more --seconds")
    failed = int(_found(r"number of failed transactions: (\d+)", done.stdout))
    return {
        "messages_per_second": _found(r"tps = ([\d.]+)", done.stdout),
        "ack_ms": {"p50": _found(r"latency average = ([\d.]+)", done.stdout), "p99": None},
        "postgres_us": used.postgres / count * 1e6,
        "generator_us": own / count * 1e6,
        "errors": [f"{failed} transactions failed"] if failed else [],
    }


def _found(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    return float(match[1]) if match else 0.0


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
