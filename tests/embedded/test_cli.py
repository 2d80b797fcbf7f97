"""`manage.py`: which commands take the embedded server, and how it says that it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from therapyconnect.cli import needs_database

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("", False),
        ("help", False),
        ("help migrate", False),
        ("--help", False),
        ("--version", False),
        ("check", False),
        ("check --deploy", False),
        ("check --database default", True),
        ("check --database=default", True),
        ("migrate --help", False),
        ("migrate", True),
        ("makemigrations --check", True),
        ("run", True),
        ("collectstatic --noinput", False),
    ],
)
def test_needs_database(line: str, needs: bool) -> None:
    assert needs_database(["manage.py", *line.split()]) is needs


@pytest.mark.parametrize("start", [["manage.py"], ["-m", "therapyconnect"]])
def test_a_refusal_is_one_line_and_status_2(tmp_path: Path, start: list[str]) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("14\n")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, *start, "migrate"],
        cwd=ROOT,
        env={**environment, "THERAPYCONNECT_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "PostgreSQL 14" in done.stderr
