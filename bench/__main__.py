"""`python -m bench`: every contender in interleaved rounds; the table, and the figures kept."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench import peers, plot, report, rows
from bench.cells import CELLS, IDLE, ROUND, Cell, turned, whole
from bench.meter import rss_megabytes
from bench.reckon import Figures, Rounds, half_of
from bench.stage import ROOT, Stage

RESULTS = Path(__file__).parent / "results"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="measured, per cell")
    parser.add_argument("--warm", type=float, default=1.5, help="seconds before measuring")
    parser.add_argument(
        "--only", nargs="+", metavar="CELL", default=list(CELLS),
        help="cells, or whole contenders: " + " ".join(CELLS),
    )  # fmt: skip
    parser.add_argument(
        "--receipt-ms",
        type=float,
        default=100.0,
        help="a reader sends one read receipt for all that came within this time",
    )
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="no round is begun that would end later"
    )
    parser.add_argument("--name", default="latest", help="of the files in bench/results")
    asked = parser.parse_args()
    asked.only = [name for name, cell in CELLS.items() if {name, cell.contender} & set(asked.only)]
    if not asked.only or not re.fullmatch(r"[\w.-]+", asked.name):
        parser.error("--only names no cell, or --name is no name of a file")
    return asked


def present(names: list[str]) -> list[Cell]:
    """The cells of those who can take part; the others' absence is told."""
    cells = [CELLS[name] for name in names]
    wanted = {cell.contender for cell in cells}
    if "rows" in wanted and not rows.available():
        print("pgbench is not installed: its rows are left out.", flush=True)
        wanted.discard("rows")
    for install, whose in (
        (peers.install_tutorial, {"tutorial", "tuned"}),
        (peers.install_node, {"node", "lean"}),
    ):
        try:
            if wanted & whose:
                install()
        except peers.Absent as absence:
            print(absence, flush=True)
            wanted -= whose
    return [cell for cell in cells if cell.contender in wanted]


def run(stage: Stage, cells: list[Cell], asked: argparse.Namespace, end: float) -> Rounds:
    rounds: Rounds = []
    longest = 0.0
    for number in range(asked.rounds):
        begun = time.monotonic()
        if begun + longest > end:
            print(f"Only {number} rounds: another would end after --minutes.", flush=True)
            break
        order = [cell for cell in IDLE if cell in cells] if number == 0 else []
        rounds.append({})
        for cell in order + turned([cell for cell in ROUND if cell in cells], number):
            stage.settle(cell.contender)
            figures = measure(stage, cell, asked, rounds[-1])
            rounds[-1][cell.name] = figures
            speed, size = figures.get("messages_per_second"), figures.get("kilobytes_per_socket")
            found = f"{speed:,.0f} msg/s" if speed is not None else f"{size:,.1f} kB a socket"
            print(f"round {number + 1}: {cell.label}: {found}", flush=True)
        longest = max(longest, time.monotonic() - begun)
    return rounds


def measure(stage: Stage, cell: Cell, asked: argparse.Namespace, so_far: dict[str, Figures]) -> Any:
    if cell.contender == "rows":
        return rows.measure(stage, cell.kind, seconds=asked.seconds)
    rate = 0.0
    if cell.kind == "half":
        rate = half_of(so_far, whole(cell)) or 0.0
        if not rate:
            raise SystemExit(
                f"{cell.name} is half of {whole(cell)}, which was not measured: ask for it too"
            )
    return load(stage, cell, asked, rate=rate)


def load(stage: Stage, cell: Cell, asked: argparse.Namespace, *, rate: float) -> Figures:
    """One measurement, by a generator in a process of its own."""
    server = stage.start(cell.contender)
    job = {
        "run": secrets.token_hex(4),
        "dialect": cell.contender,
        "port": server.port,
        "pairs": stage.pairs[cell.contender][: cell.pairs],
        "idle": cell.kind == "idle",
        "in_flight": cell.in_flight,
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
        raise SystemExit(f"{done.stderr[-3000:]}\n{stage.log_text(cell.contender)[-3000:]}")
    figures: Figures = json.loads(done.stdout)
    figures["rss_megabytes"] = rss_megabytes(server.process.pid)
    return figures


def main() -> int:
    asked = options()
    # So that a SIGTERM too stops the servers and removes the folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cells = present(asked.only)
    end = time.monotonic() + asked.minutes * 60
    load_before = os.getloadavg()[0]
    with Stage() as stage:
        stage.prepare(list(dict.fromkeys(cell.contender for cell in cells)))
        rounds = run(stage, cells, asked, end)
    print(
        f"\nMedians of {len(rounds)} rounds of {asked.seconds:g} s; generator, application and"
        f" PostgreSQL share {os.cpu_count()} cores.\nThe load of the machine before:"
        f" {load_before:.2f}. pgbench gives mean latencies as p50.\nWith TherapyConnect, and with"
        " Node that does the same work, each reader also sends one read\nreceipt for all that came"
        f" within {asked.receipt_ms:g} ms.\n"
    )
    print(report.table(rounds))
    kept = {**vars(asked), "load_before": load_before, "rounds_made": len(rounds)}
    target = RESULTS / f"{asked.name}.json"
    written = report.write(rounds, kept, peers.versions(), target)
    target.with_suffix(".svg").write_text(plot.draw(written["figures"]))
    print(f"\nKept in {target.relative_to(ROOT)} and {target.stem}.svg beside it.")
    for problem in written["problems"]:
        print(f"PROBLEM {problem}", file=sys.stderr)
    return 1 if written["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
