"""`events/`: every durable change after a number, in order, in pages."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import is_timestamp, ok, refused, say
from tests.harness.server import Pair


def test_pages_of_events_are_gapless(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = [say((therapist, patient)[n % 2], pair.chat_id, str(n)) for n in range(7)]
    route = f"chats/{pair.chat_id}/events/"
    seen, after = [], 0
    while True:
        page = ok(patient.get(route, params={"after_seq": after, "limit": 3}))
        assert set(page) == {"events", "last_seq", "receipts"}
        assert page["last_seq"] == 7
        if not page["events"]:
            break
        assert len(page["events"]) <= 3
        seen += page["events"]
        after = page["events"][-1]["seq"]
    assert [event["seq"] for event in seen] == list(range(1, 8))
    for event, message in zip(seen, said, strict=True):
        assert set(event) == {"seq", "type", "at", "actor_id", "message"}
        assert event["type"] == "message_created"
        assert (event["at"], event["actor_id"]) == (message["timestamp"], message["sender_id"])
        assert event["message"] == message
        assert is_timestamp(event["at"])


def test_a_message_is_given_as_it_stands_now(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(therapist, pair.chat_id)
    ok(patient.post(f"messages/{message['id']}/mark_read/"))
    page = ok(therapist.get(f"chats/{pair.chat_id}/events/"))
    assert page["events"][0]["message"]["read_status"] == "read"
    assert page["receipts"] == {
        "therapist": {"delivered_seq": 0, "read_seq": 0},
        "patient": {"delivered_seq": 1, "read_seq": 1},
    }


def test_an_empty_chat_has_none(pair: Pair, therapist: httpx.Client) -> None:
    page = ok(therapist.get(f"chats/{pair.chat_id}/events/?after_seq=0"))
    assert (page["events"], page["last_seq"]) == ([], 0)


@pytest.mark.parametrize("after", ["-1", "9223372036854775808", "abc", "1.5", "0x1", "%00"])
def test_a_wrong_number_is_refused(pair: Pair, therapist: httpx.Client, after: str) -> None:
    answer = therapist.get(f"chats/{pair.chat_id}/events/?after_seq={after}")
    refused(answer, 400, "invalid", "after_seq")


def test_a_number_from_the_future_is_refused(pair: Pair, therapist: httpx.Client) -> None:
    say(therapist, pair.chat_id)
    route = f"chats/{pair.chat_id}/events/"
    assert ok(therapist.get(f"{route}?after_seq=1"))["events"] == []
    for after in (2, 2**63 - 1):
        refused(therapist.get(f"{route}?after_seq={after}"), 400, "cursor_ahead", "after_seq")
    for limit in (0, -1, 201, 10**9, "x"):
        refused(therapist.get(f"{route}?limit={limit}"), 400, "invalid", "limit")
