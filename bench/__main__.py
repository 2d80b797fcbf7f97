"""`python -m bench`: every contender in interleaved rounds; the table, and the figures kept."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
from typing import Any

from bench import report, rows
from bench.meter import rss_megabytes
from bench.stage import PAIRS, ROOT, Stage

LABELS = {
    "ours-8": f"TherapyConnect, {PAIRS} x 8 in flight",
    "ours-1": f"TherapyConnect, {PAIRS} x 1 in flight",
    "ours-half": "TherapyConnect, half load",
    "rows-four": f"pgbench, 4 statements, {PAIRS} clients",
    "rows-one": f"pgbench, 1 statement, {PAIRS} clients",
    "orm-8": f"Django ORM, {PAIRS} x 8 in flight",
    "orm-1": f"Django ORM, {PAIRS} x 1 in flight",
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=7.0, help="measured, per contender")
    parser.add_argument("--warm", type=float, default=1.5, help="seconds before measuring")
    parser.add_argument("--only", nargs="+", choices=LABELS, default=list(LABELS))
    parser.add_argument(
        "--receipt-ms",
        type=float,
        default=100.0,
        help="a reader sends one read receipt for all that came within this time",
    )
    return parser.parse_args()


def run(stage: Stage, asked: argparse.Namespace) -> report.Rounds:
    names = list(asked.only)
    if not rows.available():
        names = [name for name in names if not name.startswith("rows")]
        print("pgbench is not installed: its two rows are left out.", flush=True)
    rounds: report.Rounds = {name: [] for name in names}
    for number in range(1, asked.rounds + 1):
        for name in names:
            contender, _, kind = name.partition("-")
            stage.settle(contender)
            if contender == "rows":
                figures = rows.measure(stage, kind, seconds=asked.seconds)
            else:
                rate = _half(rounds) if kind == "half" else 0.0
                figures = load(stage, contender, asked, in_flight=kind, rate=rate)
            rounds[name].append(figures)
            speed = figures["messages_per_second"]
            print(f"round {number}: {LABELS[name]}: {speed:,.0f} msg/s", flush=True)
    return rounds


def _half(rounds: report.Rounds) -> float:
    """Half of what was just measured with 8 in flight; 2,000 a second where it was not."""
    measured = rounds.get("ours-8")
    return float(measured[-1]["messages_per_second"]) / 2 if measured else 2000.0


def load(
    stage: Stage, contender: str, asked: argparse.Namespace, *, in_flight: str, rate: float
) -> dict[str, Any]:
    """One measurement, by a generator in a process of its own."""
    server = stage.start(contender)
    job = {
        "run": secrets.token_hex(4),
        "port": server.port,
        "pairs": stage.pairs,
        "in_flight": int(in_flight) if not rate else 0,
        "rate": rate,
        "receipt_ms": asked.receipt_ms,
        "warm_seconds": asked.warm,
        "seconds": asked.seconds,
        "app_pid": server.process.pid,
        "postgres_pid": stage.postgres_pid,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(job), cwd=ROOT, capture_output=True, text=True,
        timeout=asked.seconds + asked.warm + 120,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(f"{done.stderr[-3000:]}\n{stage.log_text(contender)[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout)
    figures["rss_megabytes"] = rss_megabytes(server.process.pid)
    return figures


def main() -> int:
    asked = options()
    # So that a SIGTERM too stops the servers and removes the folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Stage() as stage:
        stage.prepare()
        rounds = run(stage, asked)
    print(
        f"\nMedians of {asked.rounds} rounds of {asked.seconds:g} s; generator, application and"
        f" PostgreSQL share {os.cpu_count()} cores.\nEach reader sends one read receipt for all"
        f" that came within {asked.receipt_ms:g} ms; pgbench gives mean latencies as p50.\n"
    )
    print(report.table(rounds, LABELS))
    report.write(rounds, vars(asked))
    told = report.problems(rounds)
    for problem in told:
        print(f"PROBLEM {problem}", file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
