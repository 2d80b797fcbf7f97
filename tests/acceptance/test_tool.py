"""The tool as a stranger uses it: a process, a URL, and no file or one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Mould
from tests.harness.server import PASSWORD, ROOT, LiveServer

SECONDS = "6"


@pytest.fixture(scope="module")
def installation(mould: Mould) -> Iterator[LiveServer]:
    """As anyone has it: with its throttles on."""
    with mould.cast(throttles=True) as live:
        yield live


def tool(server: LiveServer, *given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.acceptance", "--base", server.base, *given],
        cwd=ROOT, capture_output=True, text=True, timeout=150,
    )  # fmt: skip


def test_the_demo_accounts_will_do_and_chats_may_hold_something(installation: LiveServer) -> None:
    for _ in range(2):
        done = tool(installation, "--seconds", SECONDS, "--acks", "60", "--tries", "20")
        print(done.stdout, done.stderr)  # noqa: T201
        assert done.returncode == 0, done.stdout + done.stderr
        assert "0 violations" in done.stdout


def test_accounts_of_one_s_own_will_do(installation: LiveServer, tmp_path: Path) -> None:
    lines = [
        {
            side: {"email": f"{letter}_load0004{n}@demo.test", "password": PASSWORD}
            for side, letter in (("therapist", "t"), ("patient", "p"))
        }
        for n in range(2)
    ]
    file = tmp_path / "accounts.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    few = ("--acks", "40", "--tries", "20", "--changes", "5")
    done = tool(installation, "--seconds", SECONDS, "--accounts", str(file), *few)
    assert done.returncode == 0, done.stdout + done.stderr
    dump = tmp_path / "history.jsonl"
    much = tool(
        installation, "--seconds", "1", "--accounts", str(file), "--acks", "100000",
        "--kill", "true", "--kills", "1", "--dump", str(dump),
    )  # fmt: skip
    assert much.returncode == 1, much.stdout + much.stderr
    assert "too_little      acks" in much.stdout
    assert "too_little      kills" not in much.stdout
    kinds = {next(iter(json.loads(line))) for line in dump.read_text().splitlines()}
    assert {"sendings", "lives", "attempts", "kill"} <= kinds


def test_what_it_can_t_use_it_says(installation: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "accounts.jsonl"
    wrong = {"email": "t_load00040@demo.test", "password": "not this one"}
    file.write_text(json.dumps({"therapist": wrong, "patient": wrong}))
    done = tool(installation, "--accounts", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "t_load00040@demo.test: 400 wrong password" in done.stderr
    assert tool(installation, "--seconds", "1000").returncode == 2
    assert "example:" in tool(installation, "--help").stdout
