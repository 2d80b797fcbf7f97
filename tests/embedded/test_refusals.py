"""What stands in the way is told in one line that says what to do."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from therapyconnect.embedded import EmbeddedPostgresError, binaries, lease

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")


def refusal(data: Path, **options: float) -> str:
    with pytest.raises(EmbeddedPostgresError) as caught:
        lease(data, **options).release()
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("where", ["cluster", "."])
def test_another_major(data: Path, where: str) -> None:
    (data / where).mkdir(parents=True)
    (data / where / "PG_VERSION").write_text("15\n")
    line = refusal(data)
    assert "PostgreSQL 15" in line
    assert "brings PostgreSQL 18: dump it" in line
    assert (data / where / "PG_VERSION").read_text() == "15\n"


def test_no_folder_but_a_file(data: Path) -> None:
    data.write_text("")
    assert "cannot be used" in refusal(data)


@needs_root
@pytest.mark.parametrize(
    ("options", "says"), [("ro", "read-only file system"), ("size=24m", "is full")]
)
def test_a_read_only_and_a_full_disk(data: Path, watch: Any, options: str, says: str) -> None:
    data.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(data)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        assert says in refusal(data)
        watch.wait_gone()
    finally:
        subprocess.run(["umount", "-l", str(data)], check=True)


def test_a_folder_of_somebody_else(data: Path, user: Any) -> None:
    """As a normal user, since root may write everywhere."""
    if os.geteuid() == 0:
        data.parent.chmod(0o755)
        one_user = user(data, command=as_nobody())
    else:
        data.parent.chmod(0o500)
        one_user = user(data)
    line = one_user.says()["error"]
    assert "cannot be written by this user" in line
    assert not data.exists()
    data.parent.chmod(0o700)


def as_nobody() -> list[str]:
    """A command that runs a Python which can use this checkout, as the user `nobody`."""
    probe = [
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
        "-c",
        "import psycopg, therapyconnect.embedded.binaries as b; b.locate()",
    ]
    root = Path(__file__).resolve().parents[2]
    # The second exec is the telling one: setpriv's own still has root's powers.
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        path = os.pathsep.join([str(root), *filter(None, sys.path)])
        become = [*probe[:4], "env", f"PYTHONPATH={path}"]
        try:
            subprocess.run([*become, python, *probe[-2:]], check=True, capture_output=True, cwd="/")
        except (OSError, subprocess.CalledProcessError):
            continue
        return [*become, python]
    pytest.skip("no other user can run this Python, or read this checkout")


def test_a_missing_wheel(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")
    assert "DATABASE_URL" in refusal(data)


def test_another_platform(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Linux only" in refusal(data)


def test_a_server_that_does_not_start_gives_its_last_words(used: Path, watching: Any) -> None:
    data, watch = used, watching(used)
    control = data / "cluster" / "global" / "pg_control"
    control.write_bytes(b"\0" * control.stat().st_size)
    line = refusal(data)
    assert "could not start" in line or "another build" in line
    watch.wait_gone()


def test_patience_ends(shared: Path) -> None:
    """A keeper that is there and says nothing more."""
    with open(shared / "keeper.lock", "rb+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "not ready within 0.5 seconds" in refusal(shared, wait_seconds=0.5)
