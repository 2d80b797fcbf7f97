"""The application's clock is set forward and back by minutes, in the middle of a storm.

Order and numbers are the database's and do not come from any clock; time-outs run on the monotonic
one. Timestamps tell what the clock said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.conftest import SERVER
from tests.acceptance.faults import wait_for
from tests.acceptance.finals import read_final
from tests.faults.ordeal import Record, endure
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair

LIBRARIES = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
)
STEP = timedelta(minutes=20)
HOLD_SECONDS = 10.0 if os.environ.get("TC_CHAOS") else 2.0
EMAIL = "therapist@demo.test"


class Clock:
    """The application's wall clock, set by a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set(timedelta())

    def set(self, off: timedelta) -> None:
        seconds = int(off.total_seconds())
        draft = self.file.with_suffix(".draft")
        draft.write_text(f"{seconds:+d}\n")
        draft.replace(self.file)

    def environment(self, library: str) -> dict[str, str]:
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Its repair for old C libraries makes waits on the monotonic clock last for seconds.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "faketime")


@pytest.fixture(scope="module")
def off(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server whose clock is `clock`; its database keeps the right time."""
    library = next((name for name in LIBRARIES if os.path.exists(name)), None)
    if library is None:
        pytest.skip("libfaketime is not installed: no clock is set off here")
    with own_database(os.environ[SERVER]) as url:
        folder = tmp_path_factory.mktemp("off")
        live = LiveServer(folder, database_url=url, env=clock.environment(library))
        live.start()
        yield live
        live.kill()


def test_a_clock_set_off_and_right_again_harms_nothing(
    off: LiveServer, clock: Clock, seed: int, record_property: Record
) -> None:
    pairs = off.load_pairs(3)
    seen: list[timedelta] = []

    def set_off() -> None:
        for by in (STEP, timedelta(), -STEP, timedelta()):
            clock.set(by)
            wait_for(lambda by=by: abs(_skew(off, pairs[0]) - by) < timedelta(minutes=5))
            seen.append(_skew(off, pairs[0]))
            time.sleep(HOLD_SECONDS)

    endure(
        "the application's clock 20 minutes ahead, right, 20 minutes behind, right", set_off,
        server=off, pairs=pairs, seed=seed, record=record_property, damaged=False,
    )  # fmt: skip
    minutes = [round(by.total_seconds() / 60) for by in seen]
    assert minutes == [20, 0, -20, 0]
    for pair in pairs[1:]:
        stamps = [told.timestamp for told in read_final(off.base, pair).messages]
        assert stamps != sorted(stamps), "no timestamp went back: the clock was not off"


def test_who_logged_in_by_a_clock_too_far_ahead_stays_logged_in(
    off: LiveServer, clock: Clock
) -> None:
    """The token was minted in what is now the future, and its refresh token too."""
    clock.set(STEP)
    tokens = off.login(EMAIL)
    clock.set(timedelta())
    with off.api(tokens["access_token"]) as api:
        assert api.get("me/").status_code == 200
        refreshed = api.post(
            f"{off.base}/_allauth/app/v1/tokens/refresh",
            json={"refresh_token": tokens["refresh_token"]},
        )
        assert refreshed.status_code == 200, refreshed.text
    with off.api(refreshed.json()["data"]["access_token"]) as api:
        assert api.get("me/").status_code == 200


def _skew(live: LiveServer, pair: Pair) -> timedelta:
    """By how much the server's clock is ahead, as a message's timestamp tells."""
    with live.api(pair.therapist_token) as api:
        answer = api.post("messages/", json={"chat_id": pair.chat_id, "text": "what time is it"})
    assert answer.status_code == 201, answer.text
    return datetime.fromisoformat(answer.json()["timestamp"]) - datetime.now(UTC)
