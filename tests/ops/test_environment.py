"""What the environment says is checked at the start, and each mistake is one clear line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.server import ROOT

WRONG: dict[str, tuple[dict[str, str], str]] = {
    "edit: a word": ({"THERAPYCONNECT_EDIT_SECONDS": "soon"}, "is a whole number"),
    "edit: below": ({"THERAPYCONNECT_EDIT_SECONDS": "-1"}, "from 0 to 31536000"),
    "edit: for ever": ({"THERAPYCONNECT_EDIT_SECONDS": "9" * 30}, "from 0 to 31536000"),
    "alert: at once": ({"THERAPYCONNECT_EMERGENCY_SECONDS": "0"}, "from 1 to 86400"),
    "alert: half": ({"THERAPYCONNECT_EMERGENCY_SECONDS": "1.5"}, "is a whole number"),
    "port": ({"PORT": "65536"}, "from 0 to 65535"),
    "workers: none": ({"THERAPYCONNECT_WORKERS": "0"}, "from 1 to 64"),
    "hub": ({"THERAPYCONNECT_HUB": "smoke"}, "is memory or postgres"),
    "hub: no host": ({"THERAPYCONNECT_HUB": "redis://"}, "or redis://host:port"),
    "hub: no port": ({"THERAPYCONNECT_HUB": "redis://host:secret"}, "or redis://host:port"),
    "crisis file: none": ({"THERAPYCONNECT_CRISIS_FILE": "none.toml"}, "No such file"),
    "crisis file: a folder": ({"THERAPYCONNECT_CRISIS_FILE": "."}, "Is a directory"),
}


def _start(tmp_path: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "THERAPYCONNECT_DATA": str(tmp_path), **changes}, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_one_line_that_names_it(tmp_path: Path, mistake: str) -> None:
    changes, says = WRONG[mistake]
    done = _start(tmp_path, changes)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    (name,) = changes
    assert line.startswith(name)
    assert says in line
    assert "secret" not in line


def test_both_ends_of_each_range(tmp_path: Path) -> None:
    whole = tmp_path / "elsewhere" / "own.toml"
    whole.parent.mkdir()
    whole.write_text("entries = []\n")
    for edit, alert, file in (("0", "1", ""), ("31536000", "86400", str(whole))):
        done = _start(
            tmp_path / "data",
            {
                "THERAPYCONNECT_EDIT_SECONDS": edit,
                "THERAPYCONNECT_EMERGENCY_SECONDS": alert,
                "THERAPYCONNECT_CRISIS_FILE": file,
            },
        )
        assert done.returncode == 0, done.stderr


def test_several_workers_need_a_hub_that_spans_them(tmp_path: Path) -> None:
    done = _start(tmp_path, {"THERAPYCONNECT_WORKERS": "2", "THERAPYCONNECT_HUB": "memory"})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("THERAPYCONNECT_HUB=memory is for one process")
