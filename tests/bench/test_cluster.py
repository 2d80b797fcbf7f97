"""The benchmark of two processes: it runs, and nothing that it sent is lost between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.stage import ROOT


def test_a_short_run_over_two_processes(tmp_path: Path) -> None:
    out = tmp_path / "cluster.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.cluster", "--rounds", "1", "--seconds", "0.5",
         "--warm", "0.2", "--hubs", "postgres", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [
        row
        for by_hub in json.loads(out.read_text())["found"].values()
        for (row,) in by_hub.values()
    ]
    assert len(rows) == 3
    for row in rows:
        assert row["messages_per_second"] > 0
        assert [row[what] for what in ("unacked", "undelivered", "gaps", "errors")] == [0, 0, 0, []]
