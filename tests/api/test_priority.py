"""`ordering=priority`: who calls for a person, who waits longest, then the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.bulk import make_caseload
from tests.api.calls import CHAT_FIELDS, connect, ok, refused, relate, say, set_fact
from tests.api.test_query_counts import Reader
from tests.api.test_query_counts import reader as reader  # the fixture
from tests.harness.server import LiveServer, Pair
from therapyconnect.messaging.selectors.ciphers import cipher_store


def walk(api: httpx.Client, query: str = "", route: str = "chats/") -> list[str]:
    """The ids in the order of the list: there, and the same back again."""
    address: str | None = f"{route}?ordering=priority&{query}"
    there: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(api.get(address))
        assert all(set(chat) == CHAT_FIELDS for chat in page["results"])
        there += [chat["id"] for chat in page["results"]]
        address = page["next"]
    back = [chat["id"] for chat in page["results"]]
    while page["previous"]:
        page = ok(api.get(page["previous"]))
        back = [chat["id"] for chat in page["results"]] + back
    assert back == there
    return there


@pytest.fixture
def caseload(server: LiveServer, _pairs: Iterator[Pair]) -> Any:
    """One therapist's chats, each with the client of its patient."""
    first = next(_pairs)
    therapist = connect(server, first.therapist_token)
    chats = [(first.chat_id, connect(server, first.patient_token))]
    for _ in range(6):
        other = next(_pairs)
        relate(server, first.therapist_id, [other.patient_id])
        body = {"therapist_id": first.therapist_id, "patient_id": other.patient_id}
        chat_id = ok(therapist.post("chats/create_or_get_chat/", json=body), 201)["id"]
        chats.append((chat_id, connect(server, other.patient_token)))
    return therapist, chats


def test_alerts_then_waiting_then_the_rest(server: LiveServer, caseload: Any) -> None:
    therapist, chats = caseload
    (a, a_api), (b, b_api), (c, c_api), (d, d_api), (e, _), (f, _), (g, _) = chats
    say(c_api, c, "waits longest")
    say(d_api, d, "waits")
    say(b_api, b, "help", emergency=True)
    say(a_api, a, "help too", emergency=True)
    say(c_api, c, "and says it again")
    say(therapist, f, "the latest of the rest but one")
    say(therapist, e, "the latest of the rest")
    expected = [b, a, c, d, e, f, g]
    for query in ("", "limit=1", "limit=2", "limit=3"):
        assert walk(therapist, query) == expected, query
    assert walk(therapist, route="chats/get_user_chats/") == expected
    recent = [chat["id"] for chat in ok(therapist.get("chats/"))["results"]]
    assert recent == [e, f, c, a, b, d, g]

    # Taken: it waits like any other, as it is still unread. Resolved without: the same.
    alert = ok(therapist.get(f"emergencies/?chat_id={b}"))["results"][0]
    ok(therapist.post(f"emergencies/{alert['id']}/acknowledge/", json={}))
    assert walk(therapist, "limit=2") == [a, c, d, b, e, f, g]
    ok(therapist.post(f"chats/{c}/mark_all_read/", json={}))
    assert walk(therapist) == [a, d, b, e, f, c, g]
    alert = ok(therapist.get(f"emergencies/?chat_id={a}"))["results"][0]
    ok(therapist.post(f"emergencies/{alert['id']}/resolve/", json={}))
    assert walk(therapist, "limit=1") == [d, b, a, e, f, c, g]


def test_an_alert_that_nobody_took_stays_first(server: LiveServer, caseload: Any) -> None:
    therapist, chats = caseload
    (a, a_api), (b, b_api), *_ = chats
    say(b_api, b, "help", emergency=True)
    say(a_api, a, "help", emergency=True)
    server.sql(
        "UPDATE messaging_emergencyalert SET state = 'exhausted', exhausted_at = now()"
        " WHERE chat_id = %s",
        (b,),
    )
    ok(therapist.post(f"chats/{b}/mark_all_read/", json={}))
    assert walk(therapist)[:2] == [b, a]
    assert walk(b_api)[0] == b  # the patient's own list, by the same rule


def test_filters_choose_within_the_order(server: LiveServer, caseload: Any) -> None:
    therapist, chats = caseload
    (a, a_api), (b, b_api), (c, _), *_ = chats
    say(b_api, b)
    say(a_api, a)
    ok(therapist.post(f"chats/{c}/mark_unread/", json={}))
    assert walk(therapist, "unread=true&limit=1") == [b, a, c]
    assert b not in walk(therapist, "unread=false")
    set_fact(server, b, "archived_at")
    assert walk(therapist, "status=archived") == [b]
    assert walk(therapist, "status=active&limit=2")[0] == a
    set_fact(server, a, "deleted_at")
    assert a not in walk(therapist)


def test_what_was_deleted_does_not_wait_and_what_is_restored_waits_since_then(
    caseload: Any,
) -> None:
    therapist, chats = caseload
    (a, a_api), (b, b_api), *_ = chats
    first = say(a_api, a, "first")
    say(b_api, b, "second")
    assert walk(therapist)[:2] == [a, b]
    ok(a_api.post(f"messages/{first['id']}/delete_message/", json={}))
    assert walk(therapist)[0] == b
    ok(a_api.post(f"messages/{first['id']}/restore_message/", json={}))
    assert walk(therapist)[:2] == [b, a]


def test_a_cursor_of_the_other_order_is_invalid(caseload: Any) -> None:
    therapist, _ = caseload
    recent = ok(therapist.get("chats/?limit=1"))["next"]
    refused(therapist.get(f"{recent}&ordering=priority"), 400, "invalid_cursor", "cursor")
    refused(therapist.get("chats/?ordering=Priority"), 400, "invalid", "ordering")


def test_two_queries(reader: Reader) -> None:
    make_caseload("t_counts", chats=200, each=5)
    cipher_store.cache_clear()
    path = "chats/?ordering=priority&limit="
    assert len(reader.queries(f"{path}200", 200)) == 3  # caller, page, data keys
    assert {len(reader.queries(f"{path}{size}", size)) for size in (1, 10, 50)} == {2}
