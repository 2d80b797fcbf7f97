"""The history page: order, filters, links; one message by its id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import MESSAGE_FIELDS, connect, ok, refused, say
from tests.harness.server import LiveServer, Pair

MESSAGES = 61


@pytest.fixture(scope="module")
def talk(server: LiveServer, _pairs: Iterator[Pair]) -> Pair:
    """61 messages by turns, the therapist first; every tenth is urgent, every seventh a date."""
    pair = next(_pairs)
    with connect(server, pair.therapist_token) as t, connect(server, pair.patient_token) as p:
        for n in range(1, MESSAGES + 1):
            kind = "appointment" if n % 7 == 0 else "text"
            say(t if n % 2 else p, pair.chat_id, str(n), emergency=n % 10 == 0, message_type=kind)
        ok(p.post(f"messages/{id_of(pair, 21)}/mark_delivered/"))
        ok(p.post(f"messages/{id_of(pair, 11)}/mark_read/"))
        ok(t.post(f"messages/{id_of(pair, 30)}/mark_read/"))
    return pair


@pytest.fixture
def reader(server: LiveServer, talk: Pair) -> Iterator[httpx.Client]:
    with connect(server, talk.patient_token) as client:
        yield client


def id_of(pair: Pair, seq: int) -> str:
    return f"MSG_{pair.chat_id[5:]}_{seq}"


def page_of(api: httpx.Client, pair: Pair, **filters: Any) -> dict[str, Any]:
    page: dict[str, Any] = ok(api.get("messages/", params={"chat_id": pair.chat_id, **filters}))
    assert set(page) == {"results", "next", "previous"}
    return page


def numbers(page: dict[str, Any]) -> list[int]:
    return [message["seq"] for message in page["results"]]


def test_newest_first_and_oldest_first(talk: Pair, reader: httpx.Client) -> None:
    page = page_of(reader, talk)
    assert numbers(page) == list(range(61, 11, -1))
    assert set(page["results"][0]) == MESSAGE_FIELDS
    assert numbers(page_of(reader, talk, before_seq=5)) == [4, 3, 2, 1]
    assert numbers(page_of(reader, talk, after_seq=57)) == [58, 59, 60, 61]
    assert numbers(page_of(reader, talk, after_seq=0, limit=3)) == [1, 2, 3]
    assert numbers(page_of(reader, talk, after_seq=10, before_seq=14)) == [11, 12, 13]
    assert numbers(page_of(reader, talk, after_seq=61)) == []
    assert numbers(page_of(reader, talk, before_seq=1)) == []
    assert numbers(page_of(reader, talk, limit=200)) == list(range(61, 0, -1))


@pytest.mark.parametrize("start", [{}, {"after_seq": 0}])
def test_links_lead_through_all_of_it_and_back(
    talk: Pair, reader: httpx.Client, start: dict[str, int]
) -> None:
    page = page_of(reader, talk, limit=9, **start)
    assert page["previous"] is None
    seen = numbers(page)
    while page["next"]:
        last = page
        page = ok(reader.get(page["next"]))
        assert "limit=9" in (page["next"] or "limit=9")
        seen += numbers(page)
    assert sorted(seen) == list(range(1, MESSAGES + 1))
    assert len(seen) == MESSAGES
    back = ok(reader.get(page["previous"]))
    assert sorted(numbers(back)) == sorted(numbers(last))


def test_each_filter_chooses(talk: Pair, reader: httpx.Client) -> None:
    def chosen(**filters: Any) -> list[int]:
        return sorted(numbers(page_of(reader, talk, limit=200, **filters)))

    odd = list(range(1, 62, 2))
    everything = list(range(1, 62))
    assert chosen(sender_id=talk.therapist_id) == odd
    assert chosen(sender_id=talk.patient_id) == [n for n in everything if n % 2 == 0]
    assert chosen(sender_id="p_nobody000") == []
    assert chosen(emergency="true") == [10, 20, 30, 40, 50, 60]
    assert len(chosen(emergency="false")) == 55
    assert chosen(message_type="appointment") == [7, 14, 21, 28, 35, 42, 49, 56]
    assert chosen(message_type="system") == []
    # The patient read up to 11 and has 21; the therapist read up to 30.
    read = [n for n in everything if n <= (11 if n % 2 else 30)]
    delivered = [n for n in odd if 11 < n <= 21]
    assert chosen(read_status="read") == read
    assert chosen(read_status="delivered") == delivered
    assert chosen(read_status="sent") == sorted(set(everything) - set(read) - set(delivered))
    for status in ("read", "delivered", "sent"):
        found = page_of(reader, talk, limit=200, read_status=status)["results"]
        assert {message["read_status"] for message in found} == {status}
    assert chosen(emergency="true", sender_id=talk.therapist_id) == []
    assert chosen(exclude_deleted="true") == everything


def test_a_deleted_message_keeps_its_place_and_loses_its_words(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    gone = say(therapist, pair.chat_id, "canary", payload={"canary": 1})
    quoting = say(patient, pair.chat_id, "to what?", reply_to=gone["id"])
    server.sql(
        "UPDATE messaging_message SET deleted_at = now(), deleted_by_id = sender_id"
        " WHERE chat_id = %s AND seq = 1", (pair.chat_id,),
    )  # fmt: skip
    found = ok(patient.get(f"messages/{gone['id']}/"))
    assert set(found) == MESSAGE_FIELDS
    assert (found["deleted"], found["text"], found["payload"]) == (True, None, None)
    assert found["deleted_by"] == pair.therapist_id
    for address in (
        f"messages/{gone['id']}/", f"messages/{quoting['id']}/", "chats/",
        f"messages/?chat_id={pair.chat_id}", f"chats/{pair.chat_id}/events/",
        f"chats/{pair.chat_id}/",
    ):  # fmt: skip
        assert "canary" not in patient.get(address).text, address
    page = page_of(patient, pair)
    assert numbers(page) == [2, 1]
    assert page["results"][0]["reply_to"] == gone["id"]
    assert numbers(page_of(patient, pair, exclude_deleted="true")) == [2]


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("", "chat_id"), ("chat_id=", "chat_id"), ("chat_id={0}&before_seq=-1", "before_seq"),
        ("chat_id={0}&before_seq=9223372036854775808", "before_seq"),
        ("chat_id={0}&before_seq=0", "before_seq"), ("chat_id={0}&after_seq=-1", "after_seq"),
        ("chat_id={0}&after_seq=9223372036854775808", "after_seq"),
        ("chat_id={0}&after_seq=1.5", "after_seq"), ("chat_id={0}&after_seq=NaN", "after_seq"),
        ("chat_id={0}&limit=0", "limit"), ("chat_id={0}&limit=-1", "limit"),
        ("chat_id={0}&limit=201", "limit"), ("chat_id={0}&limit=1000000000", "limit"),
        ("chat_id={0}&limit=abc", "limit"), ("chat_id={0}&emergency=maybe", "emergency"),
        ("chat_id={0}&message_type=video", "message_type"),
        ("chat_id={0}&read_status=seen", "read_status"), ("chat_id={0}&chat_id={0}", "chat_id"),
        ("chat_id={0}&exclude_deleted=2", "exclude_deleted"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(
    pair: Pair, therapist: httpx.Client, query: str, attr: str
) -> None:
    answer = therapist.get(f"messages/?{query.format(pair.chat_id)}")
    refused(answer, 400, "required" if "chat_id=&" in f"{query}&" or not query else "invalid", attr)


def test_one_message_is_its_participants_alone(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, outsider: httpx.Client,
    admin: httpx.Client,
) -> None:  # fmt: skip
    message = say(therapist, pair.chat_id, "ours")
    assert ok(patient.get(f"messages/{message['id']}/"))["text"] == "ours"
    missing = {**refused_body(therapist.get(f"messages/{message['id']}0/"))}
    for api in (outsider, admin):
        assert refused_body(api.get(f"messages/{message['id']}/")) == missing
        assert refused_body(api.get(f"messages/?chat_id={pair.chat_id}")) == missing
    for odd in ("MSG_", "1", "MSG_t_a_p_b_1", f"{message['id']}%00", f"{message['id']}%20", "%ff",
                message["id"].lower(), message["id"].replace("_1", "_01"), "MSG_" + "9" * 500,
                message["id"].removesuffix("1") + "9" * 19):  # fmt: skip
        assert refused_body(therapist.get(f"messages/{odd}/")) == missing


def refused_body(answer: httpx.Response) -> dict[str, Any]:
    refused(answer, 404, "not_found", None)
    return {**answer.json(), "request_id": ""}
