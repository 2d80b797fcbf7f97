"""Rooms: read by both, arranged by the therapist and the administrator."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import (
    ROOM_FIELDS,
    connect,
    detail,
    new_patients,
    ok,
    refused,
    say,
    set_fact,
)
from tests.harness.server import LiveServer, Pair

SUMMARY_FIELDS = {"id", "chat_id", "room_type", "is_active"}
WRITES = [
    ("PATCH", "", {"description": "by whom?"}),
    ("POST", "update_permissions/", {"patient_can_send": False}),
    ("POST", "archive_room/", {}),
    ("POST", "activate_room/", {}),
]


def path_of(pair: Pair) -> str:
    return f"chat-rooms/ROOM_{pair.chat_id[5:]}/"


def events(api: httpx.Client, pair: Pair) -> list[str]:
    page = ok(api.get(f"chats/{pair.chat_id}/events/"))
    return [event["type"] for event in page["events"]]


def test_a_new_room(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, admin: httpx.Client
) -> None:
    room = ok(therapist.get(path_of(pair)))
    assert set(room) == ROOM_FIELDS
    assert (room["room_type"], room["description"], room["tags"]) == ("therapy", "", [])
    assert room["is_active"]
    assert all(room[name] for name in room if "_can_" in name)
    assert room == ok(patient.get(path_of(pair))) == ok(admin.get(path_of(pair)))
    assert room == detail(therapist, pair.chat_id)["room"]
    for api in (therapist, patient):
        (summary,) = ok(api.get("chat-rooms/"))["results"]
        assert set(summary) == SUMMARY_FIELDS
        assert summary == {name: room[name] for name in SUMMARY_FIELDS}


@pytest.mark.parametrize("who", ["therapist", "admin"])
def test_what_is_given_is_changed_and_the_rest_stays(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, admin: httpx.Client, who: str
) -> None:
    api = therapist if who == "therapist" else admin
    before = ok(api.get(path_of(pair)))
    change = {"description": "Jeden zweiten Dienstag\n☕", "tags": ["Schlaf", "Angst"]}
    after = ok(api.patch(path_of(pair), json=change))
    assert after == {**before, **change, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert ok(patient.get(path_of(pair))) == after
    assert ok(api.patch(path_of(pair), json={"room_type": "emergency"}))["tags"] == change["tags"]
    cleared = ok(api.patch(path_of(pair), json={"description": "", "tags": []}))
    assert (cleared["description"], cleared["tags"]) == ("", [])
    assert events(therapist, pair) == ["room_changed"] * 3
    for same in ({}, {"room_type": "emergency"}, {"tags": []}):
        assert ok(api.patch(path_of(pair), json=same)) == cleared
    assert events(therapist, pair) == ["room_changed"] * 3


def test_permissions_decide_who_sends_and_who_sees(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first = say(therapist, pair.chat_id, "before")
    path = f"{path_of(pair)}update_permissions/"
    room = ok(
        therapist.post(path, json={"patient_can_send": False, "patient_can_see_history": False})
    )
    assert (room["patient_can_send"], room["patient_can_see_history"]) == (False, False)
    assert (room["therapist_can_send"], room["therapist_can_see_history"]) == (True, True)
    body = {"chat_id": pair.chat_id, "text": "may I?"}
    refused(patient.post("messages/", json=body), 403, "sending_not_permitted")
    refused(patient.get(f"messages/{first['id']}/"), 404, "not_found")
    allowed = {"patient_can_send": True, "patient_can_see_history": True}
    ok(therapist.post(path, json=allowed))
    ok(patient.post("messages/", json=body), 201)
    assert ok(patient.get(f"messages/{first['id']}/"))["text"] == "before"


def test_in_an_archived_room_nobody_sends_and_both_are_told(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    room = ok(therapist.post(f"{path_of(pair)}archive_room/"))
    assert room["is_active"] is False
    assert ok(patient.get("chat-rooms/"))["results"][0]["is_active"] is False
    for api in (therapist, patient):
        body = {"chat_id": pair.chat_id, "text": "hello?"}
        refused(api.post("messages/", json=body), 403, "room_archived")
    assert ok(therapist.post(f"{path_of(pair)}archive_room/", json={})) == room
    assert events(therapist, pair) == ["room_changed", "message_created"]
    assert ok(therapist.post(f"{path_of(pair)}activate_room/", json={}))["is_active"]
    say(patient, pair.chat_id)
    payloads = [
        m["payload"] for m in ok(patient.get(f"messages/?chat_id={pair.chat_id}"))["results"]
    ]
    assert payloads == [None, {"event": "room_reopened"}, {"event": "room_archived"}]


@pytest.mark.parametrize(("method", "action", "body"), WRITES)
def test_a_patient_reads_and_does_not_write(
    pair: Pair, patient: httpx.Client, method: str, action: str, body: dict[str, Any]
) -> None:
    before = ok(patient.get(path_of(pair)))
    answer = patient.request(method, f"{path_of(pair)}{action}", json=body)
    refused(answer, 403, "therapist_only")
    assert ok(patient.get(path_of(pair))) == before


@pytest.mark.parametrize(("method", "action", "body"), [("GET", "", None), *WRITES])
def test_anothers_room_is_as_one_that_never_was(
    server: LiveServer, pair: Pair, other_pair: Pair, outsider: httpx.Client, method: str,
    action: str, body: Any,
) -> None:  # fmt: skip
    answers = [
        outsider.request(method, f"chat-rooms/{room}/{action}", json=body)
        for room in (f"ROOM_{pair.chat_id[5:]}", "ROOM_t_never00_p_never00", pair.chat_id, "%00")
    ]
    for answer in answers:
        refused(answer, 404, "not_found", None)
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert all(found == bodies[0] for found in bodies)
    with connect(server, None) as nobody:
        refused(nobody.request(method, f"{path_of(pair)}{action}", json=body), 401,
                "not_authenticated")  # fmt: skip


def test_the_room_of_a_deleted_chat_is_the_administrators_alone(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    admin: httpx.Client,
) -> None:  # fmt: skip
    set_fact(server, pair.chat_id, "deleted_at")
    for api in (therapist, patient):
        refused(api.get(path_of(pair)), 404, "not_found", None)
        assert ok(api.get("chat-rooms/"))["results"] == []
    refused(therapist.post(f"{path_of(pair)}archive_room/"), 404, "not_found", None)
    assert set(ok(admin.get(path_of(pair)))) == ROOM_FIELDS


@pytest.mark.parametrize(
    ("change", "code", "attr"),
    [
        ({"room_type": "kitchen"}, "invalid", "room_type"),
        ({"description": "x" * 2001}, "invalid", "description"),
        ({"description": "a\x00b"}, "invalid", "description"),
        ({"description": None}, "invalid", "description"),
        ({"tags": ["x"] * 21}, "invalid", "tags"),
        ({"tags": [""]}, "invalid", "tags"),
        ({"tags": ["\x00"]}, "invalid", "tags"),
        ({"tags": [" "]}, "invalid", "tags"),
        ({"tags": "sleep"}, "invalid", "tags"),
        ({"is_active": False}, "unknown_field", "is_active"),
        ({"patient_can_send": True}, "unknown_field", "patient_can_send"),
    ],
)
def test_what_is_refused(
    pair: Pair, therapist: httpx.Client, change: dict[str, Any], code: str, attr: str
) -> None:
    before = ok(therapist.get(path_of(pair)))
    refused(therapist.patch(path_of(pair), json=change), 400, code, attr)
    assert ok(therapist.get(path_of(pair))) == before
    half = b'{"description": "\\ud800"}'
    answer = therapist.patch(
        path_of(pair), content=half, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400


def test_who_is_named_is_the_caller(pair: Pair, therapist: httpx.Client) -> None:
    body = {"description": "mine", "user_id": pair.patient_id}
    refused(therapist.patch(path_of(pair), json=body), 403, "identity_mismatch", "user_id")
    own = {**body, "user_id": pair.therapist_id}
    assert ok(therapist.patch(path_of(pair), json=own))["description"] == "mine"
    for method in ("PUT", "DELETE", "POST"):
        refused(therapist.request(method, path_of(pair), json={}), 405, "method_not_allowed")


def test_its_words_are_sealed(server: LiveServer, pair: Pair, therapist: httpx.Client) -> None:
    ok(therapist.patch(path_of(pair), json={"description": "a word", "tags": ["a tag"]}))
    stored = str(
        server.sql(
            "SELECT encode(description_sealed, 'escape'), encode(tags_sealed, 'escape')"
            " FROM messaging_chatroom WHERE chat_id = %s",
            (pair.chat_id,),
        )
    )
    assert "a word" not in stored
    assert "a tag" not in stored


def test_pages_lead_forwards_and_back(
    server: LiveServer, pair: Pair, therapist: httpx.Client, admin: httpx.Client
) -> None:
    made = [pair.chat_id]
    for patient_id in new_patients(server, pair.therapist_id, 6):
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        made.append(ok(therapist.post("chats/create_or_get_chat/", json=body), 201)["id"])
    address: str | None = "chat-rooms/?limit=2"
    there: list[str] = []
    page: dict[str, Any] = {}
    while address:
        page = ok(therapist.get(address))
        there += [room["chat_id"] for room in page["results"]]
        address = page["next"]
    assert there == made[::-1]
    back = [room["chat_id"] for room in page["results"]]
    while page["previous"]:
        page = ok(therapist.get(page["previous"]))
        back = [room["chat_id"] for room in page["results"]] + back
    assert back == there
    seen: list[str] = []
    address = "chat-rooms/?limit=150"
    while address:
        page = ok(admin.get(address))
        seen += [room["id"] for room in page["results"]]
        address = page["next"]
    assert (
        len(seen) == len(set(seen)) == server.sql("SELECT count(*) FROM messaging_chatroom")[0][0]
    )
