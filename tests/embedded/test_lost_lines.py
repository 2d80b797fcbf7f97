"""A log that can't be written costs its lines, and never the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from therapyconnect.embedded.logfile import LogFile

ROOT = Path(__file__).resolve().parents[2]


def test_a_keeper_that_cannot_report_goes_on() -> None:
    script = "from therapyconnect.embedded.keeper import report; report('x'); print('went on')"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=full,
            text=True, check=False,
        )  # fmt: skip
    assert done.stdout == "went on\n"


def test_a_log_whose_older_part_cannot_be_kept_is_trimmed_all_the_same(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "server.log", limit=10)
    log.path.write_text("more than ten bytes\n")
    (tmp_path / "server.log.1").mkdir()
    log.trim()
    assert log.size() == 0
