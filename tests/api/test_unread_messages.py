"""Unread messages: the same ones that the unread counts count, newest first, in few queries."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.db import connection

from tests.api.bulk import make_caseload
from tests.api.calls import (
    MESSAGE_FIELDS,
    connect,
    detail,
    new_patients,
    ok,
    refused,
    say,
    set_fact,
)
from tests.api.test_query_counts import THERAPIST, Reader, make_user, principal
from tests.harness.server import LiveServer, Pair
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.core import clock
from therapyconnect.core.pagination import Cursor, encode_cursor
from therapyconnect.core.queries import Query, run
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.selectors.unread import SPARE, UnreadFilters, unread_page

ROUTE = "messages/get_unread_messages/"


def unread(api: httpx.Client, query: str = "") -> list[str]:
    """The texts of every unread message, page by page there and back again."""
    address: str | None = f"{ROUTE}?{query}"
    there: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(api.get(address))
        there += [message["text"] for message in page["results"]]
        address = page["next"]
    back = [message["text"] for message in page["results"]]
    while page["previous"]:
        page = ok(api.get(page["previous"]))
        back = [message["text"] for message in page["results"]] + back
    assert back == there
    return there


def test_what_the_other_said_and_one_has_not_read(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    for number in range(5):
        say(patient, pair.chat_id, f"p{number}")
        say(therapist, pair.chat_id, f"t{number}")
    assert unread(therapist) == ["p4", "p3", "p2", "p1", "p0"]
    assert unread(patient, "limit=2") == ["t4", "t3", "t2", "t1", "t0"]
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={"up_to_seq": 5}))
    assert unread(therapist, f"chat_id={pair.chat_id}&limit=1") == ["p4", "p3"]
    message = ok(therapist.get(ROUTE))["results"][0]
    assert set(message) == MESSAGE_FIELDS
    assert message["read_status"] == "sent"
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    assert unread(therapist) == []


def test_deleted_hidden_and_system_messages_are_not_unread(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first, second = (say(therapist, pair.chat_id, text) for text in ("one", "two"))
    ok(therapist.post(f"messages/{second['id']}/delete_message/", json={}))
    ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "archived"}))
    assert unread(patient) == ["one"]
    permissions = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
    ok(therapist.post(permissions, json={"patient_can_see_history": False}))
    assert unread(patient) == []
    ok(therapist.post(permissions, json={"patient_can_see_history": True}))
    assert unread(patient) == ["one"]
    ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "active"}))
    ok(patient.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    ok(therapist.post(f"messages/{second['id']}/restore_message/", json={}))
    say(therapist, pair.chat_id, "three", reply_to=first["id"])
    assert unread(patient) == ["three", "two"]
    for column in ("archived_at", "blocked_by_therapist_at"):
        set_fact(server, pair.chat_id, column)
    assert unread(patient) == ["three", "two"]
    set_fact(server, pair.chat_id, "deleted_at")
    assert unread(patient) == []


def test_only_ones_own(
    pair: Pair, other_pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    outsider: httpx.Client, admin: httpx.Client, server: LiveServer,
) -> None:  # fmt: skip
    say(patient, pair.chat_id, "between us")
    assert unread(outsider) == []
    for chat_id in (pair.chat_id, "CHAT_t_never00_p_never00", "x"):
        refused(outsider.get(f"{ROUTE}?chat_id={chat_id}"), 404, "not_found", None)
    refused(therapist.get(f"{ROUTE}?user_id={pair.patient_id}"), 403, "identity_mismatch")
    assert unread(therapist, f"user_id={pair.therapist_id}") == ["between us"]
    refused(admin.get(ROUTE), 403, "not_a_participant")
    with connect(server, None) as nobody:
        refused(nobody.get(ROUTE), 401, "not_authenticated")
    for query, attr in (("limit=0", "limit"), ("limit=201", "limit"), ("chat_id=%00", "chat_id")):
        refused(therapist.get(f"{ROUTE}?{query}"), 400, "invalid", attr)
    other_list = encode_cursor(Cursor(clock.now(), pair.chat_id))
    refused(therapist.get(f"{ROUTE}?cursor={other_list}"), 400, "invalid_cursor", "cursor")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_are_as_many_as_the_counts_say(
    server: LiveServer, pair: Pair, therapist: httpx.Client, seed: int
) -> None:
    """Whatever is sent, read, deleted, restored and hidden."""
    draw = random.Random(seed)
    chats = {pair.chat_id: pair.patient_token}
    for patient_id in new_patients(server, pair.therapist_id, 2):
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        chats[ok(therapist.post("chats/create_or_get_chat/", json=body), 201)["id"]] = ""
    said: list[tuple[str, str]] = []
    with connect(server, pair.patient_token) as patient:
        for step in range(60):
            chat_id = draw.choice(list(chats))
            kind = draw.choice(["say", "say", "say", "read", "delete", "restore", "hide"])
            if kind == "say":
                api = draw.choice([patient, therapist]) if chats[chat_id] else therapist
                said.append((say(api, chat_id, f"{step}")["id"], chat_id))
            elif kind == "read":
                last = detail(therapist, chat_id)["last_seq"]
                horizon = {"up_to_seq": draw.randint(0, last)}
                ok(therapist.post(f"chats/{chat_id}/mark_all_read/", json=horizon))
            elif kind == "hide":
                sees = {"therapist_can_see_history": draw.random() < 0.6}
                room = f"chat-rooms/ROOM_{chat_id[5:]}/update_permissions/"
                ok(therapist.post(room, json=sees))
            elif said:
                message_id, _ = draw.choice(said)
                patient.post(f"messages/{message_id}/{kind}_message/", json={})
            for api, side in ((therapist, "therapist"), (patient, "patient")):
                counts = [chat[f"{side}_unread_count"] for chat in ok(api.get("chats/"))["results"]]
                assert len(unread(api, "limit=3")) == sum(counts), (step, kind)


# --- in this process: how many queries, and how long ---------------------------------------------


@pytest.fixture
def reader(transactional_db: None, settings: Any) -> Iterator[Reader]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user(THERAPIST)
    yield Reader(mint_access(user_id=user.id, session_id=open_sessions([user])[user.id]))
    cipher_store.cache_clear()


class Plan:
    """What PostgreSQL did for a query: how long it took, and what it read of the messages."""

    def __init__(self, query: Query) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.sql}", query.params)
            found = cursor.fetchone()[0][0]
        self.milliseconds: float = found["Execution Time"]
        self.messages = sum(
            node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
            for node in self._nodes(found["Plan"])
            if node.get("Relation Name") == "messaging_message"
        )

    def _nodes(self, node: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield node
        for inner in node.get("Plans", ()):
            yield from self._nodes(inner)


def test_two_hundred_chats_and_a_hundred_thousand_messages(
    reader: Reader, record_property: Callable[[str, object], None]
) -> None:
    load = make_caseload(THERAPIST, chats=200, each=500)
    cipher_store.cache_clear()
    assert len(reader.queries(f"{ROUTE}?limit=200", 200)) == 3  # caller, page, data keys
    counts = {size: len(reader.queries(f"{ROUTE}?limit={size}", size)) for size in (1, 50, 200)}
    assert set(counts.values()) == {2}, counts
    some_chat = f"{ROUTE}?chat_id={load.chat_ids[7]}"
    assert len(reader.queries(some_chat, 50)) == 2
    with connection.cursor() as cursor:  # one chat is read, so the answer is empty
        cursor.execute(
            "UPDATE messaging_chat SET therapist_delivered_seq = last_seq, therapist_read_seq ="
            " last_seq, therapist_unread_count = 0 WHERE id = %s",
            (load.chat_ids[7],),
        )
    assert len(reader.queries(some_chat, 0)) == 3  # and the chat itself is asked after

    for limit in (1, 50, 200):
        filters = UnreadFilters(limit=limit)
        query = next(unread_page(viewer=principal(THERAPIST), filters=filters))
        plan = min((Plan(query) for _ in range(3)), key=lambda plan: plan.milliseconds)
        record_property(f"milliseconds for {limit} of {load.messages}", plan.milliseconds)
        # Of each chat what a page can reach, and the page itself; not all that was said.
        assert plan.messages <= 200 * (limit + 1 + SPARE) + 2 * (limit + 1)
        assert plan.milliseconds < 1000  # some 20 where nothing else runs


def test_pages_over_a_large_caseload_hold_each_message_once(reader: Reader) -> None:
    load = make_caseload(THERAPIST, chats=20, each=50)
    filters = UnreadFilters(limit=170)
    ids: list[str] = []
    while True:
        page = run(unread_page(viewer=principal(THERAPIST), filters=filters))
        ids += [message.id for message in page.items]
        if page.next is None:
            break
        filters.cursor = encode_cursor(page.next)
    assert len(ids) == len(set(ids)) == load.messages
