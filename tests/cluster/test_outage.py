"""The wire between nodes breaks: sends go on, and what was not told is read."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.cluster.conftest import Nodes
from tests.harness.server import Pair
from tests.harness.sockets import chat_socket, user_socket

MESSAGES = 10
POLLED_SECONDS = 45.0
"""Deafness is noticed after 6 s and the next look comes within 2: the rest is for slow machines."""

Break = Callable[[Nodes], Callable[[], None]]


def listeners(nodes: Nodes) -> list[int]:
    """Process ids of the backends over which the nodes listen and tell."""
    rows = nodes.one.sql(
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = 'therapyconnect hub' AND datname = current_database()"
    )
    return [pid for (pid,) in rows]


def cut(nodes: Nodes) -> Callable[[], None]:
    """Every connection of the wire is lost, and lost again, for some seconds."""
    for _ in range(3):
        nodes.one.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'therapyconnect hub' AND datname = current_database()"
        )
        time.sleep(0.3)
    return lambda: None


def freeze(nodes: Nodes) -> Callable[[], None]:
    """The connections stand, and nothing comes over them any more."""
    pids = listeners(nodes)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)

    def thaw() -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    return thaw


@pytest.mark.parametrize("breaks", [cut, freeze])
def test_sends_go_on_and_all_is_heard(
    nodes: Nodes,
    pair: Pair,
    breaks: Break,
    record_property: Callable[[str, object], None],
) -> None:
    with (
        chat_socket(nodes.one, pair.chat_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
    ):
        mend = breaks(nodes)
        began = time.monotonic()
        try:
            for n in range(MESSAGES):
                therapist.send("chat_message", text=f"m{n}", ref=n)
                therapist.until("chat_message", ref=n, timeout=10)
            acked = time.monotonic() - began
            for n in range(MESSAGES):
                told = patient.until("new_message", POLLED_SECONDS)["message"]
                assert told["seq"] == n + 1
            heard = time.monotonic() - began
        finally:
            mend()
        # And by itself it is quick again.
        end = time.monotonic() + POLLED_SECONDS
        while len(listeners(nodes)) < 4:
            assert time.monotonic() < end
            time.sleep(0.2)
        therapist.send("chat_message", text="after", ref="after")
        assert patient.until("new_message", POLLED_SECONDS)["message"]["text"] == "after"
    said = f"{breaks.__name__}: {MESSAGES} acked in {acked:.1f} s, heard elsewhere in {heard:.1f} s"
    record_property("measured", said)
    print(said)  # noqa: T201
