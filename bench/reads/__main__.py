"""`python -m bench.reads`: fill, measure in rounds that go through the sizes in turn, write."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from bench.reads import report
from bench.reads.house import House

SIZES = (50_000, 500_000, 5_000_000)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.reads", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[*SIZES], help="messages each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="at most, for one read")
    parser.add_argument("--keep", type=Path, help="a folder whose filled databases are kept")
    parser.add_argument(
        "--results", type=Path, default=report.RESULTS, help="the folder for figures and plot"
    )
    return parser.parse_args()


def run(house: House, asked: argparse.Namespace) -> tuple[list[dict[str, Any]], report.Rounds]:
    filled = []
    for messages in asked.sizes:
        filled.append({"asked": messages, **house.filled(messages)})
        print(f"filled: {filled[-1]}", flush=True)
    rounds: report.Rounds = {messages: [] for messages in asked.sizes}
    for number in range(1, asked.rounds + 1):
        for messages in asked.sizes:
            server = house.server(messages)
            try:
                job = {"messages": messages, "port": server.port, "seconds": asked.seconds}
                said = house.python(messages, "-m", "bench.reads.measure", said=json.dumps(job))
            finally:
                server.stop()
            load = os.getloadavg()[0]
            rounds[messages].append({"load": round(load, 2), "reads": json.loads(said)})
            print(f"round {number}: {messages:,} messages (load {load:.1f})", flush=True)
    return filled, rounds


def main() -> int:
    asked = options()
    # So that a SIGTERM too stops the servers and removes the folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with House(asked.keep) as house:
        filled, rounds = run(house, asked)
    figures = report.figures(rounds)
    print(report.table(figures, asked.sizes))
    report.write(
        asked.results,
        {"rounds": asked.rounds, "seconds": asked.seconds, "filled": filled, **figures},
        asked.sizes,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
