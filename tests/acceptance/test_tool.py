"""The tool as a stranger uses it: a process, a URL, and no file or one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.acceptance import checker
from tests.acceptance.conftest import Mould
from tests.acceptance.people import Login
from tests.harness.server import PASSWORD, ROOT, LiveServer

SECONDS = "5"
FEW = ("--acks", "20", "--tries", "10", "--changes", "3")


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


def test_accounts_of_one_s_own_will_do_and_their_chats_may_hold_something(
    installation: LiveServer, tmp_path: Path
) -> None:
    file = tmp_path / "accounts.jsonl"
    lines = [
        {side: login._asdict() for side, login in zip(("therapist", "patient"), pair)}
        for pair in (
            (Login("therapist@demo.test", PASSWORD), Login("patient@demo.test", PASSWORD)),
            (Login("t_load00040@demo.test", PASSWORD), Login("p_load00040@demo.test", PASSWORD)),
        )
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    with installation.api(installation.login("patient@demo.test")["access_token"]) as api:
        people = {"therapist_id": "t_abc123", "patient_id": "p_xyz789"}
        chat = api.post("chats/create_or_get_chat/", json=people).json()
        body = {"chat_id": chat["id"], "text": "from before"}
        assert api.post("messages/send_message/", json=body).status_code == 201
    dump = tmp_path / "history.jsonl"
    given = ("--accounts", str(file), "--dump", str(dump), "--kill", "true", "--kills", "1")
    done = tool(installation, "--seconds", SECONDS, *FEW, *given)
    assert done.returncode == 0, done.stdout + done.stderr
    kinds = {next(iter(json.loads(line))) for line in dump.read_text().splitlines()}
    assert {"sendings", "changings", "lives", "attempts", "revokings", "kill"} <= kinds


def test_pairs_will_do_and_too_little_does_not_pass(
    installation: LiveServer, mould: Mould, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("\n".join(json.dumps(asdict(pair)) for pair in mould.pairs[-2:]))
    done = tool(installation, "--seconds", "0.5", "--acks", "100000", "--pairs", str(file))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "too_little      acks" in done.stdout
    assert "too_little      kills" not in done.stdout


def test_the_guide_s_block_works_with_the_demo_s_accounts(installation: LiveServer) -> None:
    guide = (ROOT / "docs/guide/reliability-kit.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```", guide, re.M | re.S)
    done = subprocess.run(
        ["bash", "-eu"], input=block, env={**os.environ, "BASE": installation.base},
        cwd=ROOT, capture_output=True, text=True, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 violations" in done.stdout


def test_the_guide_lists_every_violation() -> None:
    guide = (ROOT / "docs/guide/reliability-kit.md").read_text()
    table = re.findall(r"^\| (.+?) \|", str(checker.__doc__), re.M)
    kinds = {kind for row in table[1:] for kind in row.split(", ")}
    assert len(kinds) > 15
    assert kinds - set(re.findall(r"`(\w+)`", guide)) == set()


def test_what_it_can_t_use_it_says(installation: LiveServer, tmp_path: Path) -> None:
    file = tmp_path / "accounts.jsonl"
    wrong = {"email": "t_load00040@demo.test", "password": "not this one"}
    file.write_text(json.dumps({"therapist": wrong, "patient": wrong}))
    done = tool(installation, "--accounts", str(file))
    assert (done.returncode, done.stdout) == (2, "")
    assert "t_load00040@demo.test: 400 wrong password" in done.stderr
    assert tool(installation, "--seconds", "1000").returncode == 2
    assert "example:" in tool(installation, "--help").stdout
