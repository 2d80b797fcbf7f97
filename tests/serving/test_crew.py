"""A crew by itself: workers that do not start, hang, or are not to be had."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("crew_under_test.py")
COUNT = 2


class Under:
    """A crew that is under test."""

    def __init__(self, folder: Path, ready_seconds: float) -> None:
        self.folder = folder
        self.let("serve")
        command = [sys.executable, str(SCRIPT), str(folder), str(COUNT), str(ready_seconds)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def let(self, how: str) -> None:
        """What the workers do that are started from now on."""
        (self.folder / "how").write_text(how)

    def starts(self, how: str) -> int:
        file = self.folder / "starts"
        return file.read_text().count(f"{how} ") if file.exists() else 0

    def until(self, what: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end
            assert self.process.poll() is None, "the crew ended"
            time.sleep(0.02)

    def renew(self) -> None:
        self.process.send_signal(signal.SIGUSR1)


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Under]:
    made = Under(tmp_path, ready_seconds=2.0)
    assert made.process.stdout is not None
    assert made.process.stdout.readline() == "ready\n"
    yield made
    if made.process.poll() is None:
        made.process.send_signal(signal.SIGTERM)
    assert made.process.wait(30) == 0
    made.process.stdout.close()


def test_it_is_renewed(crew: Under) -> None:
    crew.renew()
    crew.until(lambda: crew.starts("serve") == 2 * COUNT)


@pytest.mark.parametrize("how", ["die", "hang", "lost"])
def test_a_renewal_that_can_not_be_is_given_up_and_another_works(crew: Under, how: str) -> None:
    """One try, not one after another; those who serve stay, and good code can follow."""
    crew.let(how)
    crew.renew()
    if how == "lost":
        time.sleep(1.0)
    else:
        crew.until(lambda: crew.starts(how) == 1)
    time.sleep(3.0)
    assert crew.starts(how) == (0 if how == "lost" else 1)
    assert crew.starts("serve") == COUNT
    crew.let("serve")
    crew.renew()
    crew.until(lambda: crew.starts("serve") == 2 * COUNT)
