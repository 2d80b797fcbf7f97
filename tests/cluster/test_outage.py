"""The wire between nodes breaks: sends go on, and what was not told is read."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.cluster.brokers import CONNECTIONS, broken
from tests.cluster.conftest import Nodes
from tests.cluster.crew import wait_for
from tests.harness.server import Pair
from tests.harness.sockets import chat_socket, user_socket

MESSAGES = 10
POLLED_SECONDS = 45.0
"""Deafness is noticed after 6 s and the next look comes within 2: the rest is for slow machines."""


def test_sends_go_on_and_all_is_heard(
    nodes: Nodes,
    take: Callable[[int], list[Pair]],
    record_property: Callable[[str, object], None],
) -> None:
    for how, pair in zip(nodes.broker.outages, take(len(nodes.broker.outages)), strict=True):
        said = f"{nodes.engine}, {how}: {_outage(nodes, pair, how)}"
        record_property("measured", said)
        print(said)  # noqa: T201
    if nodes.broker.missing:
        pytest.skip(f"all others passed; {nodes.broker.missing}")


def _outage(nodes: Nodes, pair: Pair, how: str) -> str:
    with (
        chat_socket(nodes.one, pair.chat_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
    ):
        with broken(nodes.broker, how):
            began = time.monotonic()
            for n in range(MESSAGES):
                therapist.send("chat_message", text=f"m{n}", ref=n)
                therapist.until("chat_message", ref=n, timeout=10)
            acked = time.monotonic() - began
            for n in range(MESSAGES):
                told = patient.until("new_message", POLLED_SECONDS)["message"]
                assert told["seq"] == n + 1, how
            heard = time.monotonic() - began
        # And by itself it is quick again.
        began = time.monotonic()
        wait_for(lambda: nodes.broker.connections() >= CONNECTIONS, POLLED_SECONDS)
        back = time.monotonic() - began
        therapist.send("chat_message", text="after", ref="after")
        assert patient.until("new_message", POLLED_SECONDS)["message"]["text"] == "after"
    return (
        f"{MESSAGES} acked in {acked:.1f} s, heard elsewhere in {heard:.1f} s;"
        f" connected again {back:.1f} s after it was mended"
    )


def test_what_is_made_meanwhile_is_heard(nodes: Nodes, pair: Pair) -> None:
    """A chat, with its first message, which calls for help; and a notification. Nobody was told."""
    ids = {"therapist_id": "t_def456", "patient_id": pair.patient_id}
    admin = nodes.one.login("admin@demo.test")["access_token"]
    token = nodes.other.login("therapist2@demo.test")["access_token"]
    with (
        user_socket(nodes.other, "t_def456", token) as therapist,
        nodes.one.api(admin) as clinic,
        nodes.one.api(pair.patient_token) as patient,
        broken(nodes.broker, "freeze"),
    ):
        assert clinic.post("care-relationships/", json=ids).status_code == 201
        note = {"user_ids": ["t_def456"], "title": "Closed on Friday", "body": "All day."}
        assert clinic.post("notifications/", json=note).status_code == 201
        chat_id = patient.post("chats/create_or_get_chat/", json=ids).json()["id"]
        body = {"chat_id": chat_id, "text": "help", "emergency": True}
        alert = patient.post("messages/", json=body).json()["emergency_alert"]
        heard = therapist.until("emergency_message", POLLED_SECONDS)
        assert (heard["chat_id"], heard["message"]["seq"]) == (chat_id, 1)

        def told(type: str) -> list[dict[str, object]]:
            return [frame for frame in therapist.received if frame["type"] == type]

        # Read by the same look, so these may have come before the message.
        while not (told("emergency_updated") and told("notification")):
            therapist.next(POLLED_SECONDS)
        (changed,), (notified,) = told("emergency_updated"), told("notification")
        assert changed["emergency_alert"]["id"] == alert["id"]  # type: ignore[index]
        assert notified["notification"]["title"] == "Closed on Friday"  # type: ignore[index]
    # When the wire works again, nobody is told of it a second time.
    with (
        user_socket(nodes.other, "t_def456", token) as therapist,
        nodes.one.api(admin) as clinic,
    ):
        wait_for(lambda: nodes.broker.connections() >= CONNECTIONS, POLLED_SECONDS)
        note = {"user_ids": ["t_def456"], "title": "Open again", "body": "As ever."}
        assert clinic.post("notifications/", json=note).status_code == 201
        assert therapist.until("notification", POLLED_SECONDS)["notification"]["title"] == (
            "Open again"
        )
