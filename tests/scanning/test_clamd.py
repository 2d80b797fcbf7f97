"""The scanner against a real `clamd`: what it finds, and that nothing passes while it is away."""

from __future__ import annotations

import dataclasses
import io
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from tests.harness.server import ROOT, LiveServer
from tests.inspection.corpus import CORPUS, PASSES
from tests.inspection.office import zipped
from tests.scanning.clamd import MARK, PROGRAM, Clamd
from therapyconnect.attachments import scanning
from therapyconnect.attachments.probing import EICAR, try_out
from therapyconnect.attachments.scanning import Clean, Infected, ScannerDown, scanner_from

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="clamd is missing: apt-get install clamav-daemon"
)
FULL_SIZE = 50 << 20


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    running = Clamd(tmp_path_factory.mktemp("clamd"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Clamd]:
    """One that the test may do harm to."""
    running = Clamd(tmp_path)
    running.start()
    yield running
    running.stop()


def _scanner(address: str, seconds: float = 60) -> scanning.Clamd:
    found = scanner_from(address)
    assert isinstance(found, scanning.Clamd)
    return dataclasses.replace(found, seconds=seconds)


@pytest.mark.parametrize("by", ["tcp", "unix"])
def test_what_it_finds_and_what_it_does_not(clamd: Clamd, by: str) -> None:
    scanner = _scanner(clamd.tcp if by == "tcp" else clamd.unix)
    assert scanner.scan(io.BytesIO(b"Good morning")) == Clean()
    assert scanner.scan(io.BytesIO(EICAR)) == Infected("Own.Test.Eicar.UNOFFICIAL")
    assert scanner.scan(io.BytesIO(b"x" * 70_000 + MARK)) == Infected("Own.Test.Mark.UNOFFICIAL")
    assert scanner.scan(io.BytesIO(zipped({"a.txt": EICAR}))) == Infected(
        "Own.Test.Eicar.UNOFFICIAL"
    )
    assert scanner.scan(io.BytesIO(b"")) == Clean()
    assert scanner.version().startswith("ClamAV ")


def test_sound_files_of_each_kind_are_clean(clamd: Clamd) -> None:
    scanner = _scanner(clamd.unix)
    for case in CORPUS:
        if case.answer == PASSES and "EICAR" not in case.what:
            assert scanner.scan(io.BytesIO(case.make())) == Clean(), case.what


def test_a_file_of_full_size_is_read_to_its_end(clamd: Clamd) -> None:
    scanner = _scanner(clamd.tcp)
    data = bytes(FULL_SIZE - len(MARK)) + MARK
    assert scanner.scan(io.BytesIO(data)) == Infected("Own.Test.Mark.UNOFFICIAL")
    assert try_out(scanner) is None


def test_many_at_once_get_their_own_answers(clamd: Clamd) -> None:
    scanner = _scanner(clamd.unix)
    answers: dict[int, object] = {}

    def ask(n: int) -> None:
        answers[n] = scanner.scan(io.BytesIO(MARK * 1000 if n % 2 else b"clean" * 10_000))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {n: isinstance(answer, Infected) for n, answer in answers.items()} == {
        n: n % 2 == 1 for n in range(24)
    }


@pytest.mark.parametrize("by", ["tcp", "unix"])
def test_down_is_not_clean_and_up_again_it_works(own: Clamd, by: str) -> None:
    scanner = _scanner(own.tcp if by == "tcp" else own.unix)
    own.stop()
    for _ in range(2):
        with pytest.raises(ScannerDown) as down:
            scanner.scan(io.BytesIO(b"Good morning"))
        assert down.value.reason == "unreachable"
    with pytest.raises(ScannerDown):
        scanner.version()
    own.start()
    assert scanner.scan(io.BytesIO(EICAR)) == Infected("Own.Test.Eicar.UNOFFICIAL")


def test_stalled_is_not_clean(own: Clamd) -> None:
    """Stopped: the kernel still takes the connection, and nobody answers."""
    own.send(signal.SIGSTOP)
    for data in (b"Good morning", bytes(20 << 20)):
        with pytest.raises(ScannerDown) as down:
            _scanner(own.unix, seconds=0.5).scan(io.BytesIO(data))
        assert down.value.reason == "timeout"
    own.send(signal.SIGCONT)
    assert _scanner(own.unix).scan(io.BytesIO(b"Good morning")) == Clean()


class _Interrupting(io.BytesIO):
    """A file in whose middle something happens."""

    def __init__(self, data: bytes, happens: object) -> None:
        super().__init__(data)
        self._happens = happens

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 1 << 20 and callable(self._happens):
            self._happens()
            self._happens = None
        return super().read(size)


def test_killed_in_mid_stream_is_not_clean(own: Clamd) -> None:
    source: BinaryIO = _Interrupting(bytes(8 << 20), own.stop)
    with pytest.raises(ScannerDown) as down:
        _scanner(own.tcp).scan(source)
    assert down.value.reason == "unreachable"


def test_more_than_it_takes_is_not_clean(tmp_path: Path) -> None:
    small = Clamd(tmp_path, StreamMaxLength="1M")
    small.start()
    try:
        for address in (small.tcp, small.unix):
            with pytest.raises(ScannerDown) as down:
                _scanner(address).scan(io.BytesIO(bytes(4 << 20)))
            # It hangs up while we still write, and its reason may be lost with the line.
            assert down.value.reason in ("limit", "unreachable")
        assert _scanner(small.tcp).scan(io.BytesIO(bytes(1000))) == Clean()
    finally:
        small.stop()


def test_one_that_leaves_large_files_unread_is_found_out(tmp_path: Path) -> None:
    """Debian's own settings: above 25 MB all is clean to it, unseen."""
    blind = Clamd(tmp_path, MaxFileSize="25M", AlertExceedsMax="no")
    blind.start()
    try:
        problem = try_out(_scanner(blind.unix))
        assert problem is not None
        assert "MaxFileSize" in problem
    finally:
        blind.stop()


def test_the_doctor_tells(clamd: Clamd, server: LiveServer) -> None:
    def says(setting: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", "doctor"], cwd=ROOT, capture_output=True, text=True,
            env={**server.env, "THERAPYCONNECT_CLAMAV": setting}, timeout=180,
        )  # fmt: skip
        (line,) = [line for line in done.stdout.splitlines() if "scanner" in line]
        return line

    assert "ClamAV " in says(clamd.unix)
    assert "no attachment becomes ready" in says(f"unix://{clamd.folder}/none.sock")
    assert "the proxy scans all of it" in says("off: the proxy scans all of it")
    assert "set THERAPYCONNECT_CLAMAV" in says("")
