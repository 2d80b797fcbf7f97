"""The chat list: order, filters, pages that lead forwards and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import (
    ADMIN_CHAT_FIELDS,
    CHAT_FIELDS,
    connect,
    is_timestamp,
    new_patients,
    ok,
    refused,
    say,
    set_fact,
)
from tests.harness.server import LiveServer, Pair

CHATS = 57


@pytest.fixture(scope="module")
def caseload(server: LiveServer, _pairs: Iterator[Pair]) -> tuple[httpx.Client, list[str]]:
    """A therapist with 57 chats and one line in each; the ids, latest activity first."""
    pair = next(_pairs)
    client = connect(server, pair.therapist_token)
    ids = []
    for patient_id in new_patients(server, pair.therapist_id, CHATS - 1):
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        ids.append(ok(client.post("chats/create_or_get_chat/", json=body), 201)["id"])
    ids.append(pair.chat_id)
    for chat_id in ids:
        say(client, chat_id, f"to {chat_id}")
    return client, ids[::-1]


def ids_of(page: dict[str, Any]) -> list[str]:
    return [chat["id"] for chat in page["results"]]


@pytest.mark.parametrize("route", ["chats/", "chats/get_user_chats/"])
def test_the_newest_fifty_come_first(caseload: tuple[httpx.Client, list[str]], route: str) -> None:
    client, ids = caseload
    page = ok(client.get(route))
    assert set(page) == {"results", "next", "previous"}
    assert ids_of(page) == ids[:50]
    assert page["previous"] is None
    rest = ok(client.get(page["next"]))
    assert ids_of(rest) == ids[50:]
    assert rest["next"] is None
    assert ids_of(ok(client.get(rest["previous"]))) == ids[:50]


def test_pages_lead_forwards_and_back_without_loss(
    caseload: tuple[httpx.Client, list[str]],
) -> None:
    client, ids = caseload
    address: str | None = "chats/?limit=10&ordering=recent"
    forwards: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(client.get(address))
        assert len(page["results"]) <= 10
        forwards += ids_of(page)
        address = page["next"]
    assert forwards == ids
    backwards = ids_of(page)
    while page["previous"]:
        page = ok(client.get(page["previous"]))
        backwards = ids_of(page) + backwards
    assert backwards == ids


def test_each_chat_has_the_fields_of_the_contract(
    caseload: tuple[httpx.Client, list[str]],
) -> None:
    client, ids = caseload
    chat = ok(client.get("chats/?limit=1"))["results"][0]
    assert set(chat) == CHAT_FIELDS
    assert chat["last_message_text"] == f"to {ids[0]}"
    assert chat["last_message_sender_id"] == chat["therapist_id"]
    assert (chat["therapist_unread_count"], chat["patient_unread_count"]) == (0, 1)
    assert chat["patient_full_name"] == f"{chat['patient_first_name']} {chat['patient_last_name']}"
    for name in ("created_at", "updated_at", "last_message_timestamp"):
        assert is_timestamp(chat[name]), name


@pytest.mark.parametrize("limit", ["0", "-1", "201", "1000000000", "abc", "1.5", "5&limit=6"])
def test_a_wrong_limit_is_refused(therapist: httpx.Client, limit: str) -> None:
    refused(therapist.get(f"chats/?limit={limit}"), 400, "invalid", "limit")


@pytest.mark.parametrize(
    "cursor", ["-1", "9223372036854775808", "abc", "é", "bnVsbA", "WyJ4IiwieSJd", "A" * 3000]
)
def test_a_made_up_cursor_is_refused(therapist: httpx.Client, cursor: str) -> None:
    refused(therapist.get(f"chats/?cursor={cursor}"), 400, "invalid_cursor", "cursor")


def test_unread_and_status_choose(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    def listed(query: str, api: httpx.Client = therapist) -> list[str]:
        return ids_of(ok(api.get(f"chats/?{query}")))

    assert listed("unread=false") == [pair.chat_id]
    assert listed("unread=true") == []
    say(patient, pair.chat_id)
    assert listed("unread=true") == [pair.chat_id]
    assert listed("unread=true", patient) == []
    assert listed("status=active") == [pair.chat_id]
    assert listed("status=archived") == []
    set_fact(server, pair.chat_id, "archived_at")
    assert listed("status=archived") == [pair.chat_id]
    set_fact(server, pair.chat_id, "blocked_by_patient_at")
    assert (listed("status=archived"), listed("status=blocked")) == ([], [pair.chat_id])
    assert ok(therapist.get("chats/"))["results"][0]["status"] == "blocked"
    set_fact(server, pair.chat_id, "deleted_at")
    for query in ("", "status=deleted", "status=blocked"):
        assert listed(query) == []
    assert ok(therapist.get("chats/get_user_chats/"))["results"] == []
    refused(therapist.get("chats/?status=gone"), 400, "invalid", "status")
    refused(therapist.get("chats/?unread=perhaps"), 400, "invalid", "unread")
    refused(therapist.get("chats/?ordering=random"), 400, "invalid", "ordering")


def test_an_admin_reads_ids_status_and_room_and_no_word(
    server: LiveServer, pair: Pair, patient: httpx.Client, admin: httpx.Client
) -> None:
    say(patient, pair.chat_id, "for nobody else")
    page = admin.get("chats/?limit=200")
    assert all(set(chat) == ADMIN_CHAT_FIELDS for chat in ok(page)["results"])
    assert "for nobody else" not in page.text
    one = admin.get(f"chats/{pair.chat_id}/")
    assert set(ok(one)) == ADMIN_CHAT_FIELDS
    assert "for nobody else" not in one.text
    refused(admin.get("chats/get_user_chats/"), 403, "not_a_participant")
    seen: list[str] = []
    address: str | None = "chats/?limit=150"
    while address:
        page_body = ok(admin.get(address))
        seen += ids_of(page_body)
        address = page_body["next"]
    assert len(seen) == len(set(seen)) == server.sql("SELECT count(*) FROM messaging_chat")[0][0]
