"""What a message said before its edits, for those who may see the message."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import connect, is_timestamp, ok, refused, say
from tests.harness.server import LiveServer, Pair


def edit(api: httpx.Client, message: dict[str, Any], *texts: str) -> None:
    for text in texts:
        ok(api.post(f"messages/{message['id']}/edit_message/", json={"text": text}))


def earlier(api: httpx.Client, message: dict[str, Any], query: str = "") -> list[str]:
    """The texts of all earlier versions, there and back again."""
    address: str | None = f"messages/{message['id']}/history/?{query}"
    there: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(api.get(address))
        there += [version["text"] for version in page["results"]]
        address = page["next"]
    back = [version["text"] for version in page["results"]]
    while page["previous"]:
        page = ok(api.get(page["previous"]))
        back = [version["text"] for version in page["results"]] + back
    assert back == there
    return there


def test_oldest_first_with_the_time_that_each_stood(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(patient, pair.chat_id, "one")
    assert earlier(therapist, message) == earlier(patient, message) == []
    edit(patient, message, "two", "three")
    edit(patient, message, "three")  # the same words make no version
    for api in (therapist, patient):
        page = ok(api.get(f"messages/{message['id']}/history/"))
        first, second = page["results"]
        assert (page["next"], page["previous"]) == (None, None)
        assert set(first) == {"version", "text", "payload", "written_at", "replaced_at"}
        assert (first["version"], first["text"], first["payload"]) == (1, "one", None)
        assert (second["version"], second["text"]) == (2, "two")
        assert first["written_at"] == message["timestamp"]
        assert first["replaced_at"] == second["written_at"]
        assert is_timestamp(second["replaced_at"])
        now = ok(api.get(f"messages/{message['id']}/"))
        assert (now["text"], now["edited_at"]) == ("three", second["replaced_at"])


def test_pages_lead_forwards_and_back(pair: Pair, patient: httpx.Client) -> None:
    message = say(patient, pair.chat_id, "0")
    edit(patient, message, *[str(number) for number in range(1, 8)])
    for limit in (1, 2, 3, 7, 50):
        assert earlier(patient, message, f"limit={limit}") == [str(n) for n in range(7)]
    path = f"messages/{message['id']}/history/"
    refused(patient.get(f"{path}?limit=0"), 400, "invalid", "limit")
    refused(patient.get(f"{path}?after_version=-1"), 400, "invalid", "after_version")
    assert ok(patient.get(f"{path}?after_version=2147483647"))["results"] == []


def test_an_appointments_answers_are_versions_with_their_payload(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    times = {"start": "2027-01-01T10:00:00Z", "end": "2027-01-01T11:00:00Z", "time_zone": "UTC"}
    message = say(therapist, pair.chat_id, "Shall we?", message_type="appointment", payload=times)
    ok(patient.post(f"messages/{message['id']}/answer/", json={"answer": "accept"}))
    (version,) = ok(patient.get(f"messages/{message['id']}/history/"))["results"]
    assert version["payload"]["status"] == "proposed"
    assert version["text"] == "Shall we?"


def test_a_deleted_message_shows_no_version(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(patient, pair.chat_id, "unwise")
    edit(patient, message, "wise")
    ok(patient.post(f"messages/{message['id']}/delete_message/", json={}))
    for api in (therapist, patient):
        answer = api.get(f"messages/{message['id']}/history/")
        assert ok(answer) == {"results": [], "next": None, "previous": None}
    ok(patient.post(f"messages/{message['id']}/restore_message/", json={}))
    assert earlier(therapist, message) == ["unwise"]


def test_only_for_those_who_may_see_the_message(
    server: LiveServer, pair: Pair, other_pair: Pair, therapist: httpx.Client,
    patient: httpx.Client, outsider: httpx.Client, admin: httpx.Client,
) -> None:  # fmt: skip
    message = say(therapist, pair.chat_id, "one")
    edit(therapist, message, "two")
    path = f"messages/{message['id']}/history/"
    for api in (outsider, admin):
        refused(api.get(path), 404, "not_found", None)
    for missing in ("MSG_t_never00_p_never00_1", f"MSG_{pair.chat_id[5:]}_99", "x", "%00"):
        refused(therapist.get(f"messages/{missing}/history/"), 404, "not_found", None)
    with connect(server, None) as nobody:
        refused(nobody.get(path), 401, "not_authenticated")
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
    ok(therapist.post(room, json={"patient_can_see_history": False}))
    refused(patient.get(path), 404, "not_found", None)
    assert earlier(therapist, message) == ["one"]


@pytest.mark.parametrize("column", ["text_sealed", "version"])
def test_a_version_opens_only_in_its_own_place(
    server: LiveServer, pair: Pair, patient: httpx.Client, column: str
) -> None:
    message = say(patient, pair.chat_id, "one")
    edit(patient, message, "two", "three")
    changed = {
        "version": "version = version + 10",
        "text_sealed": "text_sealed = (SELECT text_sealed FROM messaging_message m"
        " WHERE m.chat_id = v.chat_id AND m.seq = v.seq)",
    }[column]
    server.sql(
        f"UPDATE messaging_messageversion v SET {changed} WHERE chat_id = %s", (pair.chat_id,)
    )
    refused(patient.get(f"messages/{message['id']}/history/"), 500, "integrity_error")
