"""What another process costs: from a send on one node to its hearing on the other, by hub.

`python -m bench.cluster` prints a table and writes `bench/results/cluster.json`. Therapists send on
the first node, patients hear on the second; with `memory` both are on one. Loopback, a PostgreSQL
and a redis-server of the run's own.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.stage import ROOT, Server, Stage, _free_port

PAIRS = 50
WORK: dict[str, dict[str, Any]] = {
    "200 msg/s by the clock": {"rate": 200.0, "in_flight": 1},
    "50 x 1 in flight": {"rate": 0, "in_flight": 1},
    "50 x 8 in flight": {"rate": 0, "in_flight": 8},
}


@contextmanager
def broker(hub: str, folder: Path) -> Iterator[str]:
    """`THERAPYCONNECT_HUB` for it."""
    if hub != "redis":
        yield hub
        return
    port = _free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
         "--appendonly", "no", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def nodes(stage: Stage, hub: str) -> Iterator[list[Server]]:
    """Two processes that serve; one where the hub spans no more."""
    started = []
    with broker(hub, stage.folder) as address:
        try:
            for n in range(1 if hub == "memory" else 2):
                port = _free_port()
                env = stage._env("ours", PORT=str(port), THERAPYCONNECT_HUB=address)
                log = stage.folder / f"{hub}-{n}.log"
                command = [sys.executable, "manage.py", "run"]
                started.append(Server(command, port=port, env=env, cwd=ROOT, log=log))
            yield started
        finally:
            for server in started:
                server.stop()


def measure(
    stage: Stage, there: list[Server], work: dict[str, Any], given: argparse.Namespace
) -> Any:
    job = {
        **work, "idle": False, "dialect": "ours", "run": secrets.token_hex(4),
        "pairs": stage.pairs["ours"][:PAIRS],
        "seconds": given.seconds, "port": there[0].port, "other_port": there[-1].port,
        "receipt_ms": 100, "app_pid": there[0].process.pid, "postgres_pid": stage.postgres_pid,
        "warm_seconds": given.warm,
    }  # fmt: skip
    stage.settle("ours")
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], cwd=ROOT, input=json.dumps(job),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="measured, per row")
    parser.add_argument("--warm", type=float, default=2.0, help="seconds before measuring")
    hubs = ["memory", "postgres", *(["redis"] if shutil.which("redis-server") else [])]
    parser.add_argument("--hubs", nargs="+", choices=hubs, default=hubs)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "cluster.json")
    given = parser.parse_args()
    found: dict[str, dict[str, list[Any]]] = {}
    load = [os.getloadavg()[0]]
    with Stage() as stage:
        stage.prepare(["ours"])
        for _ in range(given.rounds):
            for hub in given.hubs:
                with nodes(stage, hub) as there:
                    for name, work in WORK.items():
                        seen = measure(stage, there, work, given)
                        found.setdefault(name, {}).setdefault(hub, []).append(seen)
                load.append(os.getloadavg()[0])
    for name, by_hub in found.items():
        print(f"\n{name:26} msg/s    ack p50/p99 ms    delivery p50/p99 ms   undelivered, gaps")
        for hub, rounds in by_hub.items():
            rate = statistics.median(r["messages_per_second"] for r in rounds)
            times = [
                statistics.median(r[kind][rank] for r in rounds)
                for kind in ("ack_ms", "delivery_ms")
                for rank in ("p50", "p99")
            ]
            lost = [sum(r[kind] for r in rounds) for kind in ("undelivered", "gaps")]
            ack, delivery = (f"{times[n]:.1f}/{times[n + 1]:.1f}" for n in (0, 2))
            print(f"  {hub:22} {rate:8,.0f}    {ack:16}  {delivery:20}  {lost[0]}, {lost[1]}")
    print(f"\nload average meanwhile: {min(load):.1f} to {max(load):.1f}")
    given.out.write_text(json.dumps({"load": load, "found": found}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
