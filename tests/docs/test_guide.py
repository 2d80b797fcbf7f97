"""The guide's commands work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.harness.server import ROOT, LiveServer

GUIDE = ROOT / "docs" / "guide"


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.M | re.S)


def _run(command: list[str], script: str, server: LiveServer) -> str:
    done = subprocess.run(
        command, input=script, text=True, capture_output=True, timeout=60, cwd=ROOT,
        env={**os.environ, "BASE": server.base},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_commands_of_the_integrators_guide(server: LiveServer) -> None:
    script = "set -eu\n" + "\n".join(_blocks(GUIDE / "integrate.md", "sh"))
    printed = _run(["bash"], script, server)
    assert '"id":"CHAT_t_abc123_p_xyz789"' in printed
    assert '"text":"Hello!"' in printed
    assert '"results":[' in printed
    for block in _blocks(GUIDE / "integrate.md", "python"):
        assert "read up to" in _run([sys.executable, "-"], block, server)


def test_every_link_in_the_documents_leads_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(documents) > 10
    missing = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text())
        if not (document.parent / target).exists()
    ]
    assert missing == []


def test_every_error_code_of_the_code_is_in_the_guide() -> None:
    listed = set(re.findall(r"`([a-z_]+)`", (GUIDE / "errors.md").read_text()))
    raised: set[str] = set()
    call = re.compile(
        r"(?:Problem|Invalid|Forbidden|Conflict|Unavailable|ErrorSaid)\(\s*(?:code=)?\"([a-z_]+)\""
    )
    for source in (ROOT / "therapyconnect").rglob("*.py"):
        raised |= set(call.findall(source.read_text()))
    assert len(raised) > 20
    assert raised - listed == set()


def test_every_promise_of_the_web_client_names_tests_that_are_there() -> None:
    page = (GUIDE / "web-client.md").read_text()
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", page)
    assert len(named) > 20
    missing = [
        f"{file}::{name}"
        for file, name in named
        if f"def {name}(" not in (ROOT / "tests" / "browser" / file).read_text()
    ]
    assert missing == []
