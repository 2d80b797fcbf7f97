"""Search: part of a word in one's own chats, newest first, and nothing that one may not see."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.bulk import Caseload, make_caseload
from tests.api.calls import MESSAGE_FIELDS, connect, new_patients, ok, refused, say, set_fact
from tests.api.test_query_counts import THERAPIST, make_user, principal
from tests.harness.server import LiveServer, Pair
from therapyconnect.accounts.quotas import Rate
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.core.pagination import encode_cursor
from therapyconnect.core.queries import run
from therapyconnect.messaging.selectors import search
from therapyconnect.messaging.selectors.ciphers import cipher_store


def found(api: httpx.Client, q: str, **fields: Any) -> list[str]:
    """The texts found."""
    return [message["text"] for message in results(api, q, **fields)]


def results(api: httpx.Client, q: str, **fields: Any) -> list[dict[str, Any]]:
    """All that is found: a page may end early, when its time is over on a busy machine."""
    messages = []
    url = "messages/search/"
    while url:
        page = ok(api.post(url, json={"q": q, **fields}))
        assert page["previous"] is None
        messages += page["results"]
        url = page["next"]
    return messages


def chats_of(
    server: LiveServer, pair: Pair, therapist: httpx.Client, count: int
) -> dict[str, httpx.Client]:
    """More chats of the therapist's, with the client that speaks in each."""
    made = {}
    for patient_id in new_patients(server, pair.therapist_id, count):
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        made[ok(therapist.post("chats/create_or_get_chat/", json=body), 201)["id"]] = therapist
    return made


@pytest.mark.parametrize("q", ["sleep", "SLEEP", "leepl", "sleeplessness", "sleepless nuits d'ete"])
def test_a_part_of_a_word_in_any_case_and_without_accents(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, q: str
) -> None:
    said = say(patient, pair.chat_id, "Sleepless\n nuits d'été")
    other = say(patient, pair.chat_id, "About sleeplessness.")
    say(patient, pair.chat_id, "Nothing of it.")
    for api in (therapist, patient):
        messages = results(api, q)
        expected = {
            "sleeplessness": [other["id"]],
            "sleepless nuits d'ete": [said["id"]],
        }.get(q, [other["id"], said["id"]])
        assert [message["id"] for message in messages] == expected
        assert all(set(message) == MESSAGE_FIELDS for message in messages)


def test_newest_first_across_chats_in_pages_that_new_messages_do_not_move(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    chats = [pair.chat_id, *chats_of(server, pair, therapist, 3)]
    said = []
    for number in range(40):
        text = f"word {number}" if number % 3 else "something else"
        message = say(therapist, chats[(number * 7) % 4], text)
        if number % 3:
            said.append(message["id"])
    got: list[str] = []
    address: str | None = "messages/search/?limit=5"
    while address:
        page = ok(therapist.post(address, json={"q": "WORD"}))
        assert len(page["results"]) <= 5
        assert page["previous"] is None
        got += [message["id"] for message in page["results"]]
        say(therapist, chats[len(got) % 4], "a new word")
        address = page["next"]
    assert got == said[::-1]
    one = ok(therapist.post("messages/search/", json={"q": "word ", "chat_id": chats[1]}))
    assert {message["chat_id"] for message in one["results"]} == {chats[1]}
    assert (
        ok(therapist.post("messages/search/", json={"q": "word"}))["results"][0]["text"]
        == "a new word"
    )


def test_it_is_found_as_it_stands_now(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(patient, pair.chat_id, "before")
    ok(patient.post(f"messages/{message['id']}/edit_message/", json={"text": "after"}))
    assert (found(therapist, "before"), found(therapist, "after")) == ([], ["after"])
    ok(patient.post(f"messages/{message['id']}/delete_message/", json={}))
    assert found(therapist, "after") == found(patient, "after") == []
    ok(patient.post(f"messages/{message['id']}/restore_message/", json={}))
    assert found(therapist, "after") == ["after"]


def test_hidden_history_is_not_found_nor_quoted(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first = say(therapist, pair.chat_id, "a secret")
    permissions = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
    ok(therapist.post(permissions, json={"patient_can_see_history": False}))
    say(therapist, pair.chat_id, "about that secret", reply_to=first["id"])
    assert found(therapist, "secret") == ["about that secret", "a secret"]
    page = ok(patient.post("messages/search/", json={"q": "secret"}))["results"]
    assert [(m["text"], m["reply_to_text"]) for m in page] == [("about that secret", None)]
    ok(therapist.post(permissions, json={"patient_can_see_history": True}))
    assert found(patient, "secret") == ["about that secret", "a secret"]


def test_another_chat_is_never_found(
    server: LiveServer, pair: Pair, other_pair: Pair, therapist: httpx.Client,
    outsider: httpx.Client, admin: httpx.Client,
) -> None:  # fmt: skip
    say(therapist, pair.chat_id, "between us")
    assert found(outsider, "between us") == []
    unknown = "CHAT_t_never00_p_never00"
    for chat_id in (pair.chat_id, unknown, "x", "CHAT_\x00", ""):
        body = {"q": "us", "chat_id": chat_id}
        refused(outsider.post("messages/search/", json=body), 404, "not_found", None)
    refused(admin.post("messages/search/", json={"q": "us"}), 403, "not_a_participant")
    with connect(server, None) as nobody:
        refused(nobody.post("messages/search/", json={"q": "us"}), 401, "not_authenticated")


def test_blocked_and_archived_chats_are_found_and_deleted_ones_are_not(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    say(patient, pair.chat_id, "kept")
    for column in ("archived_at", "blocked_by_therapist_at"):
        set_fact(server, pair.chat_id, column)
        assert found(therapist, "kept") == found(patient, "kept") == ["kept"]
    set_fact(server, pair.chat_id, "deleted_at")
    assert found(therapist, "kept") == found(patient, "kept") == []
    body = {"q": "kept", "chat_id": pair.chat_id}
    refused(patient.post("messages/search/", json=body), 404, "not_found", None)


@pytest.mark.parametrize(
    ("body", "status", "code", "attr"),
    [
        ({}, 400, "required", "q"),
        ({"q": ""}, 400, "invalid", "q"),
        ({"q": " \u0301"}, 400, "blank", "q"),
        ({"q": "x" * 201}, 400, "invalid", "q"),
        ({"q": 1}, 400, "invalid", "q"),
        ({"q": "x", "chat_id": 1}, 400, "invalid", "chat_id"),
        ({"q": "x", "text": "y"}, 400, "unknown_field", "text"),
        ({"q": "x", "user_id": "t_another"}, 403, "identity_mismatch", "user_id"),
    ],
)
def test_what_is_refused(
    therapist: httpx.Client, body: dict[str, Any], status: int, code: str, attr: str
) -> None:
    refused(therapist.post("messages/search/", json=body), status, code, attr)


@pytest.mark.parametrize(
    "inside",
    [
        '["2026-01-01T00:00:00Z","CHAT_t_abc123_p_xyz789"]',
        '["2026-01-01T00:00:00Z","MSG_t_abc123_p_xyz789_1",true]',
        '["2026-01-01T00:00:00Z","MSG_t_abc123_p_xyz789_9223372036854775808"]',
        '["9999-12-31T23:59:59-23:59","MSG_t_abc123_p_xyz789_1"]',
        '["2026-01-01T00:00:00Z"]',
        "null",
    ],
)
def test_a_forged_cursor_is_invalid(therapist: httpx.Client, inside: str) -> None:
    cursor = base64.urlsafe_b64encode(inside.encode()).decode().rstrip("=")
    answer = therapist.post(f"messages/search/?cursor={cursor}", json={"q": "x"})
    refused(answer, 400, "invalid_cursor", "cursor")


def test_a_broken_seal_is_told_and_shows_nothing(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    message = say(therapist, pair.chat_id, "sealed")
    server.sql(
        "UPDATE messaging_message SET text_sealed = set_byte(text_sealed, 20,"
        " 255 - get_byte(text_sealed, 20)) WHERE chat_id = %s AND seq = %s",
        (pair.chat_id, message["seq"]),
    )
    answer = therapist.post("messages/search/", json={"q": "sealed"})
    refused(answer, 500, "integrity_error")
    assert "sealed" not in answer.text


# --- in this process: time, size and throttle -----------------------------------------------------


@pytest.fixture
def token(transactional_db: None, settings: Any) -> Iterator[str]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user(THERAPIST)
    yield mint_access(user_id=user.id, session_id=open_sessions([user])[user.id])
    cipher_store.cache_clear()


def walk(seconds: float, limit: int = 50, q: str = "found") -> tuple[list[str], int]:
    """Every id found, page by page, and how many pages it took."""
    ids: list[str] = []
    pages = 0
    filters = search.SearchFilters(limit=limit)
    while True:
        page = run(
            search.search_page(
                viewer=principal(THERAPIST), q=q, chat_id=None, filters=filters, seconds=seconds
            )
        )
        pages += 1
        assert len(page.messages) <= limit
        ids += [message.id for message in page.messages]
        if page.next is None:
            return ids, pages
        filters.cursor = encode_cursor(page.next)


def some(chat: int, seq: int) -> str:
    return "FOUND" if (chat + seq) % 3 == 0 else "other"


def newest_first(load: Caseload) -> list[str]:
    """What must be found, in the order of its times as they were written."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'MSG_' || substr(chat_id, 6) || '_' || seq, chat_id, seq"
            ' FROM messaging_message ORDER BY created_at DESC, chat_id COLLATE "C", seq DESC'
        )
        return [
            row[0]
            for row in cursor.fetchall()
            if some(load.chat_ids.index(row[1]), row[2]) == "FOUND"
        ]


@pytest.mark.parametrize(("seconds", "limit"), [(0.0, 50), (60.0, 1), (60.0, 7), (60.0, 200)])
def test_a_page_that_ends_early_goes_on_exactly_there(
    token: str, seconds: float, limit: int
) -> None:
    load = make_caseload(THERAPIST, chats=5, each=61, words=some)
    with connection.cursor() as cursor:  # as one batch writes them: all at the same time
        cursor.execute("UPDATE messaging_message SET created_at = date_trunc('minute', created_at)")
    ids, pages = walk(seconds, limit)
    assert ids == newest_first(load)
    if seconds == 0:
        assert pages == load.messages  # one message is looked at, however little time there is


@pytest.mark.parametrize(("seconds", "limit"), [(0.0, 50), (60.0, 3)])
def test_a_clock_that_was_set_back_hides_and_repeats_nothing(
    token: str, seconds: float, limit: int
) -> None:
    load = make_caseload(THERAPIST, chats=4, each=50, words=some)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_message SET created_at = created_at + make_interval("
            "secs => (hashtext(chat_id || seq) % 40) * 3)"
        )
    ids, _ = walk(seconds, limit)
    assert len(ids) == len(set(ids))
    assert set(ids) == set(newest_first(load))


def test_chats_are_read_several_at_once(token: str) -> None:
    """What is read grows with what is looked at, not with the number of chats."""
    make_caseload(THERAPIST, chats=200, each=25, words=some)
    client = Client(headers={"Authorization": f"Bearer {token}"})

    def queries(body: dict[str, Any], limit: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(
                f"/api/messages/search/?limit={limit}", body, content_type="application/json"
            )
        assert answer.status_code == 200, answer.content
        return len(captured.captured_queries)

    queries({"q": "found"}, 200)  # so that the data keys are known
    # The caller, the throttle's, the chats' newest, blocks of ten chats each, the results.
    assert queries({"q": "found"}, 10) <= 3 + 5 + 1
    assert queries({"q": "nowhere"}, 10) <= 3 + 20 + 60  # all of it: a second block of each


def test_whose_time_is_over_reads_no_further(token: str) -> None:
    """However large the caseload: a page without time left costs what its first message costs."""
    make_caseload(THERAPIST, chats=100, each=300)
    filters = search.SearchFilters()
    for _ in range(3):
        with CaptureQueriesContext(connection) as captured:
            page = run(
                search.search_page(
                    viewer=principal(THERAPIST), q="nowhere", chat_id=None, filters=filters,
                    seconds=0.0,
                )
            )  # fmt: skip
        # The chats' newest, a block of the first chats, their data keys.
        assert len(captured.captured_queries) <= 3
        assert page.next is not None
        filters.cursor = encode_cursor(page.next)


def test_who_searches_too_much_waits(token: str, settings: Any) -> None:
    rates = {**settings.THERAPYCONNECT["RATES"], "search": Rate(burst=20, per_second=0.01)}
    settings.THERAPYCONNECT = {**settings.THERAPYCONNECT, "THROTTLES": True, "RATES": rates}
    client = Client(headers={"Authorization": f"Bearer {token}"})
    answers = [
        client.post("/api/messages/search/", {"q": "x"}, content_type="application/json")
        for _ in range(40)
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429
    assert int(answers[-1]["Retry-After"]) >= 1
