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


def test_a_chat_that_is_made_meanwhile_is_heard(nodes: Nodes, pair: Pair) -> None:
    """With its first message, which calls for help; and nobody was told of any of it."""
    ids = {"therapist_id": "t_def456", "patient_id": pair.patient_id}
    admin = nodes.one.login("admin@demo.test")["access_token"]
    token = nodes.other.login("therapist2@demo.test")["access_token"]
    with (
        user_socket(nodes.other, "t_def456", token) as therapist,
        nodes.one.api(admin) as clinic,
        nodes.one.api(pair.patient_token) as patient,
    ):
        thaw = freeze(nodes)
        try:
            assert clinic.post("care-relationships/", json=ids).status_code == 201
            chat_id = patient.post("chats/create_or_get_chat/", json=ids).json()["id"]
            body = {"chat_id": chat_id, "text": "help", "emergency": True}
            alert = patient.post("messages/", json=body).json()["emergency_alert"]
            heard = therapist.until("emergency_message", POLLED_SECONDS)
            assert (heard["chat_id"], heard["message"]["seq"]) == (chat_id, 1)
            # Read by the same look, so it may have come before the message.
            while not (told := [f for f in therapist.received if f["type"] == "emergency_updated"]):
                therapist.next(POLLED_SECONDS)
            assert told[0]["emergency_alert"]["id"] == alert["id"]
        finally:
            thaw()
