"""A crew by itself: workers that do not start, hang, or are not to be had."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("crew_under_test.py")
COUNT = 2


class Under:
    """A crew that is under test."""

    def __init__(self, folder: Path, ready_seconds: float) -> None:
        self.folder = folder
        self.let("serve")
        self.log = folder / "log"
        command = [sys.executable, str(SCRIPT), str(folder), str(COUNT), str(ready_seconds)]
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True
            )

    def let(self, how: str) -> None:
        """What the workers do that are started from now on."""
        (self.folder / "how").write_text(how)

    def starts(self, how: str) -> int:
        file = self.folder / "starts"
        return file.read_text().count(f"{how} ") if file.exists() else 0

    def until(self, what: Callable[[], object]) -> None:
        end = time.monotonic() + 30
        while not what():
            assert time.monotonic() < end
            assert self.process.poll() is None, "the crew ended"
            time.sleep(0.02)

    def renew(self) -> None:
        self.process.send_signal(signal.SIGUSR1)


@contextmanager
def crew_in(folder: Path, *, ready_seconds: float = 60) -> Iterator[Under]:
    made = Under(folder, ready_seconds)
    assert made.process.stdout is not None
    assert made.process.stdout.readline() == "ready\n"
    yield made
    if made.process.poll() is None:
        made.process.send_signal(signal.SIGTERM)
    assert made.process.wait(30) == 0
    made.process.stdout.close()


def test_it_is_renewed(tmp_path: Path) -> None:
    with crew_in(tmp_path) as crew:
        crew.renew()
        crew.until(lambda: crew.starts("serve") == 2 * COUNT)


@pytest.mark.parametrize("how", ["die", "hang", "lost"])
def test_a_renewal_that_can_not_be_is_given_up_and_another_works(tmp_path: Path, how: str) -> None:
    """One try, not one after another; those who serve stay, and good code can follow."""
    # Only a hung one is waited for; a good one that is slow to start would be ended too.
    with crew_in(tmp_path, ready_seconds=3 if how == "hang" else 60) as crew:
        crew.let(how)
        crew.renew()
        crew.until(lambda: "renewal is given up" in crew.log.read_text())
        time.sleep(1.5)  # more than the pause before a second try would be
        assert crew.log.read_text().count("renewal is given up") == 1
        assert crew.starts(how) == (0 if how == "lost" else 1)
        assert crew.starts("serve") == COUNT
        crew.let("serve")
        crew.renew()
        crew.until(lambda: crew.starts("serve") == 2 * COUNT)
