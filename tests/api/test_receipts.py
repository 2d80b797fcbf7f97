"""Horizons over REST: who moves them, how far, what a message shows, what is unread."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import detail, is_timestamp, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair


def horizons(api: httpx.Client, chat_id: str, side: str) -> tuple[int, int]:
    receipts = detail(api, chat_id)["receipts"][side]
    return receipts["delivered_seq"], receipts["read_seq"]


def test_delivered_then_read(pair: Pair, therapist: httpx.Client, patient: httpx.Client) -> None:
    first, second = (say(therapist, pair.chat_id, text) for text in ("one", "two"))
    delivered = ok(patient.post(f"messages/{second['id']}/mark_delivered/"))
    assert (delivered["read_status"], delivered["read_at"], delivered["read_by"]) == (
        "delivered", None, None,
    )  # fmt: skip
    assert is_timestamp(delivered["delivered_at"])
    assert horizons(therapist, pair.chat_id, "patient") == (2, 0)
    assert ok(therapist.get(f"messages/{first['id']}/"))["read_status"] == "delivered"
    read = ok(patient.post(f"messages/{first['id']}/mark_read/"))
    assert (read["read_status"], read["read_by"]) == ("read", pair.patient_id)
    assert read["delivered_at"] == delivered["delivered_at"] < read["read_at"]
    assert horizons(therapist, pair.chat_id, "patient") == (2, 1)
    assert ok(therapist.get(f"messages/{second['id']}/"))["read_status"] == "delivered"


def test_read_implies_delivered_and_covers_what_is_older(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = [say(patient, pair.chat_id, str(n)) for n in range(3)]
    read = ok(therapist.post(f"messages/{said[1]['id']}/mark_read/", json={}))
    assert read["delivered_at"] == read["read_at"]
    assert horizons(patient, pair.chat_id, "therapist") == (2, 2)
    states = [ok(patient.get(f"messages/{m['id']}/"))["read_status"] for m in said]
    assert states == ["read", "read", "sent"]
    chat = detail(therapist, pair.chat_id)
    assert (chat["unread_count"], chat["therapist_unread_count"]) == (1, 1)
    assert (detail(patient, pair.chat_id)["unread_count"], chat["patient_unread_count"]) == (0, 0)


def test_marking_again_or_less_changes_nothing(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first, second = (say(therapist, pair.chat_id, text) for text in ("one", "two"))
    read = ok(patient.post(f"messages/{second['id']}/mark_read/"))
    before = rows(server)
    assert ok(patient.post(f"messages/{second['id']}/mark_read/")) == read
    ok(patient.post(f"messages/{first['id']}/mark_read/"))
    ok(patient.post(f"messages/{second['id']}/mark_delivered/"))
    ok(patient.post(f"chats/{pair.chat_id}/mark_all_read/", json={"up_to_seq": 1}))
    assert horizons(patient, pair.chat_id, "patient") == (2, 2)
    assert ok(patient.get(f"messages/{second['id']}/")) == read
    assert rows(server) == before


@pytest.mark.parametrize("verb", ["mark_read", "mark_delivered"])
def test_only_the_recipient_marks(
    server: LiveServer, pair: Pair, therapist: httpx.Client, outsider: httpx.Client,
    admin: httpx.Client, verb: str,
) -> None:  # fmt: skip
    message = say(therapist, pair.chat_id)
    before = rows(server)
    refused(therapist.post(f"messages/{message['id']}/{verb}/"), 403, "not_recipient")
    missing = message["id"].removesuffix("1") + "2"
    for api, message_id in ((outsider, message["id"]), (admin, message["id"]),
                            (therapist, missing), (therapist, "nonsense")):  # fmt: skip
        refused(api.post(f"messages/{message_id}/{verb}/"), 404, "not_found", None)
    assert rows(server) == before
    assert horizons(therapist, pair.chat_id, "therapist") == (0, 0)


def test_all_read_up_to_a_number_or_the_end(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    for n in range(4):
        say(therapist, pair.chat_id, str(n))
    route = f"chats/{pair.chat_id}/mark_all_read/"
    chat = ok(patient.post(route, json={"up_to_seq": 3}))
    assert (chat["unread_count"], chat["receipts"]["patient"]["read_seq"]) == (1, 3)
    assert ok(patient.post(route, json={"up_to_seq": 0}))["unread_count"] == 1
    chat = ok(patient.post(route))
    assert (chat["unread_count"], chat["receipts"]["patient"]["read_seq"]) == (0, 4)
    assert chat["last_seq"] == 4, "a receipt takes no number"


def test_a_horizon_never_passes_the_chat(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    say(therapist, pair.chat_id)
    before = rows(server)
    route = f"chats/{pair.chat_id}/mark_all_read/"
    refused(patient.post(route, json={"up_to_seq": 2}), 400, "beyond_last_seq", "up_to_seq")
    wrong: list[Any] = [-1, 2**63, 1.5, "1", True, []]
    for value in wrong:
        refused(patient.post(route, json={"up_to_seq": value}), 400, "invalid", "up_to_seq")
    assert horizons(patient, pair.chat_id, "patient") == (0, 0)
    assert detail(patient, pair.chat_id)["unread_count"] == 1
    assert rows(server) == before


def test_marked_unread_ends_where_the_horizon_moves(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    say(therapist, pair.chat_id)
    server.sql(
        "UPDATE messaging_chat SET patient_marked_unread = true WHERE id = %s", (pair.chat_id,)
    )
    assert detail(patient, pair.chat_id)["marked_unread"] is True
    assert detail(therapist, pair.chat_id)["marked_unread"] is False
    ok(patient.post(f"chats/{pair.chat_id}/mark_all_read/", json={"up_to_seq": 0}))
    assert detail(patient, pair.chat_id)["marked_unread"] is True
    ok(patient.post(f"chats/{pair.chat_id}/mark_all_read/"))
    assert detail(patient, pair.chat_id)["marked_unread"] is False
