"""The benchmark's servers: none is left behind, however the run ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bench.stage import Server


def _start(tmp_path: Path, code: str) -> Server:
    return Server(
        [sys.executable, "-c", code], port=1, env=dict(os.environ), cwd=tmp_path,
        log=tmp_path / "log",
    )  # fmt: skip


@pytest.fixture
def stopped_once_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SIGTERM's `sys.exit`, once the program has written its own number to the file.

    Where the server is waited for, and at no other time: no code can know of a process whose
    `Popen` is not done.
    """
    begun = tmp_path / "begun"
    sleep = time.sleep

    def stop(seconds: float) -> None:
        if begun.exists() and begun.read_text():
            monkeypatch.undo()
            sys.exit(143)
        sleep(seconds)

    monkeypatch.setattr("bench.stage.time.sleep", stop)
    return begun


def test_a_run_that_is_ended_while_a_server_starts_takes_it_along(
    tmp_path: Path, stopped_once_begun: Path
) -> None:
    code = "import os, time; open('begun', 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(SystemExit):
        _start(tmp_path, code)
    with pytest.raises(ProcessLookupError):
        os.kill(int(stopped_once_begun.read_text()), 0)


def test_a_server_that_does_not_start_tells_why(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        _start(tmp_path, "raise RuntimeError('no such thing')")
