"""The child process: what it may have, what it can't see, and that it is gone, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.harness.server import ROOT
from tests.inspection.images import encoded
from tests.inspection.look import children, look
from therapyconnect.attachments.inspection.kinds import DOCX
from therapyconnect.attachments.inspection.limits import AT_ONCE, Limits
from therapyconnect.attachments.inspection.message import (
    MAX_MESSAGE,
    Passed,
    Stopped,
    decode,
    encode,
)
from therapyconnect.attachments.inspection.process import InspectionBroken, judge


def _until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.01)


@pytest.fixture(scope="module")
def heavy() -> bytes:
    """A picture that is within all bounds and takes seconds: nearly 50 million pixels of noise."""
    noise = Image.effect_noise((1000, 775), 60).convert("RGB")
    return encoded(noise.resize((8000, 6200)), "PNG", compress_level=1)


@pytest.fixture
def place(tmp_path: Path, heavy: bytes) -> Path:
    (tmp_path / "upload").write_bytes(heavy)
    (tmp_path / "work").mkdir()
    return tmp_path


def test_one_that_works_too_long_is_ended_by_the_kernel(place: Path) -> None:
    assert judge(place / "upload", place / "work", limits=Limits(cpu_seconds=1)) is None
    assert children() == set()


def test_one_that_takes_too_long_is_ended_by_us(place: Path) -> None:
    assert judge(place / "upload", place / "work", limits=Limits(wall_seconds=1.0)) is None
    assert children() == set()


def test_one_that_wants_too_much_memory_says_so(place: Path) -> None:
    limits = Limits(address_space=160 << 20)
    assert judge(place / "upload", place / "work", limits=limits) == Stopped("too_complex")
    assert children() == set()


def test_one_that_cannot_start_is_no_verdict_on_the_file(place: Path) -> None:
    """The server's own trouble is never told to a sender as the file's."""
    with pytest.raises(InspectionBroken):
        judge(place / "upload", place / "work", limits=Limits(open_files=1 << 62))
    assert children() == set()


def test_a_refusal_in_the_middle_of_the_work_leaves_nothing(tmp_path: Path, heavy: bytes) -> None:
    assert look(tmp_path, heavy, name="a.jpg", declared_type="").answer == "type_mismatch"


def test_it_sees_no_secret_and_holds_no_socket(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THERAPYCONNECT_KEYS", "1:CANARY")
    with _running(place) as pid:
        environment = Path(f"/proc/{pid}/environ")
        # Where the kernel keeps even its own user from looking, nobody sees anything.
        if os.access(environment, os.R_OK) and os.geteuid() == 0:
            assert b"CANARY" not in environment.read_bytes()
            targets = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            assert not [t for t in targets if t.startswith("socket:")]
            assert str(place / "upload") in targets
            assert os.readlink(f"/proc/{pid}/cwd") == str(place / "work")
        limits = Path(f"/proc/{pid}/limits").read_text()
        for line in ("Max cpu time", "Max address space", "Max file size", "Max open files"):
            (found,) = [each for each in limits.splitlines() if each.startswith(line)]
            assert "unlimited" not in found
        (processes,) = [each for each in limits.splitlines() if each.startswith("Max processes")]
        assert processes.split()[2:4] == ["0", "0"]
        status = Path(f"/proc/{pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status


def test_killed_from_outside_it_is_a_refusal(place: Path) -> None:
    with _running(place) as pid:
        os.kill(pid, signal.SIGKILL)
    assert children() == set()


def test_it_dies_with_the_server(place: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from therapyconnect.attachments.inspection.process import judge;"
        "judge(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(place / "upload"), str(place / "work")], cwd=ROOT
    )
    try:
        _until(lambda: bool(_confined(children(server.pid))), "no child came")
        (child,) = _confined(children(server.pid))
    finally:
        server.kill()
        server.wait()
    _until(lambda: not Path(f"/proc/{child}").exists() or _is_zombie(child), "it lives on")


def test_no_more_than_a_few_at_once(tmp_path: Path, heavy: bytes) -> None:
    most, done = 0, threading.Event()
    threads = []
    for n in range(AT_ONCE + 2):
        place = tmp_path / str(n)
        place.mkdir()
        (place / "upload").write_bytes(heavy)
        threads.append(
            threading.Thread(
                target=judge,
                args=(place / "upload", place),
                kwargs={"limits": Limits(cpu_seconds=1)},
            )
        )
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        most = max(most, len(children()))
        done.wait(0.02)
    assert 1 <= most <= AT_ONCE


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"+",
        b"{}",
        b"null",
        b"\x80\x04\x95",
        b'{"type":"passed"}',
        b'{"type":"passed","content_type":7}',
        b'{"type":"passed","content_type":"image/png","width":0,"height":1}',
        b'{"type":"passed","content_type":"image/png","width":1e9,"height":1}',
        b'{"type":"passed","content_type":"image/png","path":"/etc/passwd"}',
        b'{"type":"stopped","code":["a"]}',
        b'{"type":"passed","content_type":"text/plain"}{}',
    ],
)
def test_what_is_no_message_is_not_believed(raw: bytes) -> None:
    assert decode(raw) is None


def test_a_message_is_small() -> None:
    assert len(encode(Passed(DOCX, 16383, 16383))) < MAX_MESSAGE // 2


class _running:
    """While it lasts, a child is at work on the heavy file; afterwards that is over."""

    def __init__(self, place: Path) -> None:
        self._thread = threading.Thread(
            target=judge, args=(place / "upload", place / "work"), kwargs={"limits": Limits()}
        )

    def __enter__(self) -> int:
        self._thread.start()
        _until(lambda: bool(_confined(children())), "no child came")
        (self.pid,) = children()
        return self.pid

    def __exit__(self, *_: object) -> None:
        if children():
            os.kill(self.pid, signal.SIGKILL)
        self._thread.join(60)
        assert not self._thread.is_alive()


def _confined(pids: set[int]) -> set[int]:
    """Those that have given up what they won't need, and so have begun."""
    found = set()
    for pid in pids:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if "NoNewPrivs:\t1" in status:
            found.add(pid)
    return found


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
