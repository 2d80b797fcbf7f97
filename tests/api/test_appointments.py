"""Appointments and prescriptions over the wire: proposed, answered, corrected, in a calendar."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from icalendar import Calendar

from tests.api.calls import APPOINTMENT, PRESCRIPTION, detail, ok, refused, rows, say, set_fact
from tests.harness.server import LiveServer, Pair


def propose(api: httpx.Client, pair: Pair, **payload: Any) -> dict[str, Any]:
    return say(api, pair.chat_id, "When?", message_type="appointment",
               payload={**APPOINTMENT, **payload})  # fmt: skip


def answer(api: httpx.Client, message: dict[str, Any], how: str, **times: Any) -> httpx.Response:
    return api.post(f"messages/{message['id']}/answer/", json={"answer": how, **times})


def calendar(api: httpx.Client, message: dict[str, Any]) -> Any:
    found = api.get(f"messages/{message['id']}/calendar.ics")
    assert found.status_code == 200, found.text
    assert found.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    return Calendar.from_ical(found.content)


def test_it_is_proposed_and_accepted(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = propose(therapist, pair, location="Room 3", note="bring the diary")
    payload = message["payload"]
    assert (payload["status"], payload["start"]) == ("proposed", "2026-12-01T09:00:00Z")
    assert payload["proposed_by"] == pair.therapist_id
    accepted = ok(answer(patient, message, "accept"))
    assert accepted["payload"]["status"] == "accepted"
    assert accepted["payload"]["id"] == payload["id"]
    assert ok(answer(patient, message, "accept")) == accepted  # takes no number
    events = ok(therapist.get(f"chats/{pair.chat_id}/events/"))["events"]
    assert [event["type"] for event in events] == [
        "message_created", "message_edited", "message_created",
    ]  # fmt: skip
    said = events[2]["message"]
    assert (said["message_type"], said["sender_id"]) == ("system", None)
    assert said["payload"] == {
        "event": "appointment_accepted", "message_id": message["id"], "by": pair.patient_id,
    }  # fmt: skip
    history = ok(patient.get(f"messages/{message['id']}/history/"))["results"]
    assert [version["payload"]["status"] for version in history] == ["proposed"]


def test_who_may_answer_what(pair: Pair, therapist: httpx.Client, patient: httpx.Client) -> None:
    message = propose(patient, pair)
    for how in ("accept", "decline"):
        refused(answer(patient, message, how), 403, "not_recipient")
    refused(answer(therapist, message, "reschedule"), 400, "required", "start")
    refused(answer(therapist, message, "accept", start=APPOINTMENT["start"]), 400, "invalid")
    refused(answer(therapist, message, "maybe"), 400, "invalid", "answer")
    times = {"start": "2026-12-02T09:00:00+01:00", "end": "2026-12-02T10:00:00+01:00"}
    moved = ok(answer(therapist, message, "reschedule", **times))["payload"]
    assert (moved["status"], moved["start"], moved["sequence"]) == (
        "rescheduled", "2026-12-02T08:00:00Z", 1,
    )  # fmt: skip
    refused(answer(therapist, message, "accept"), 403, "not_recipient")  # now it is theirs
    assert ok(answer(patient, message, "accept"))["payload"]["status"] == "accepted"
    cancelled = ok(answer(patient, message, "cancel"))["payload"]
    assert (cancelled["status"], cancelled["sequence"]) == ("cancelled", 2)
    refused(answer(therapist, message, "accept"), 409, "appointment_cancelled")
    text = say(therapist, pair.chat_id, "no appointment")
    refused(answer(patient, text, "accept"), 400, "not_an_appointment")


@pytest.mark.parametrize(
    ("wrong", "attr"),
    [
        ({"start": "tomorrow"}, "payload.start"),
        ({"start": "2026-12-01T09:00:00"}, "payload.start"),
        ({"end": "2026-12-01T08:00:00Z"}, "payload.end"),
        ({"time_zone": "Mars/Olympus"}, "payload.time_zone"),
        ({"video_url": "http://meet.test/x"}, "payload.video_url"),
        ({"status": "accepted"}, "payload.status"),
        ({"proposed_by": "t_abc123"}, "payload.proposed_by"),
        ({"location": "x" * 501}, "payload.location"),
    ],
)
def test_each_field_is_judged(
    server: LiveServer, pair: Pair, therapist: httpx.Client, wrong: dict[str, Any], attr: str
) -> None:
    before = rows(server)
    body = {"chat_id": pair.chat_id, "text": "x", "message_type": "appointment",
            "payload": {**APPOINTMENT, **wrong}}  # fmt: skip
    errors = therapist.post("messages/", json=body)
    assert errors.status_code == 400
    assert attr in {error["attr"] for error in errors.json()["errors"]}
    assert rows(server) == before


def test_an_answer_needs_that_one_may_send(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = propose(therapist, pair)
    set_fact(server, pair.chat_id, "archived_at")
    refused(answer(patient, message, "accept"), 403, "chat_archived")


def test_a_retry_finds_the_same_appointment(pair: Pair, therapist: httpx.Client) -> None:
    body = {"chat_id": pair.chat_id, "text": "When?", "message_type": "appointment",
            "payload": APPOINTMENT, "client_message_id": "a"}  # fmt: skip
    first = ok(therapist.post("messages/", json=body), 201)
    assert ok(therapist.post("messages/", json=body)) == first


def test_its_calendar_file(pair: Pair, therapist: httpx.Client, patient: httpx.Client) -> None:
    message = propose(therapist, pair, location="Room 3; 2nd floor", note="about the divorce")
    first = calendar(patient, message)
    (event,) = first.walk("VEVENT")
    assert (first["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("PUBLISH", "TENTATIVE", 0)
    assert event["UID"] == f"{message['id']}@therapyconnect"
    assert (event["SUMMARY"], event["LOCATION"]) == ("Appointment", "Room 3; 2nd floor")
    assert "divorce" not in patient.get(f"messages/{message['id']}/calendar.ics").text
    ok(answer(patient, message, "cancel"))
    last = calendar(therapist, message)
    (gone,) = last.walk("VEVENT")
    assert (last["METHOD"], gone["STATUS"], gone["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)
    assert gone["UID"] == event["UID"]
    text = say(therapist, pair.chat_id, "x")
    refused(patient.get(f"messages/{text['id']}/calendar.ics"), 404, "not_found")
    ok(therapist.post(f"messages/{message['id']}/delete_message/"))
    refused(patient.get(f"messages/{message['id']}/calendar.ics"), 404, "not_found")


def test_a_prescription_is_a_therapists_record(
    pair: Pair, other_pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    def prescribe(**payload: Any) -> httpx.Response:
        return therapist.post("messages/", json={
            "chat_id": pair.chat_id, "text": "Rx", "message_type": "prescription",
            "payload": {**PRESCRIPTION, **payload},
        })  # fmt: skip

    first = ok(prescribe(quantity={"value": 30, "unit": "tablets"}, refills=2), 201)
    assert first["payload"]["drug"] == "Sertraline"
    assert ok(patient.get(f"messages/{first['id']}/"))["payload"] == first["payload"]
    body = {"chat_id": pair.chat_id, "text": "x", "message_type": "prescription",
            "payload": PRESCRIPTION}  # fmt: skip
    refused(patient.post("messages/", json=body), 400, "prescription_by_therapist", "message_type")
    refused(prescribe(dose=""), 400, "invalid", "payload.dose")
    refused(prescribe(refills=-1), 400, "invalid", "payload.refills")
    refused(prescribe(colour="blue"), 400, "unknown_field", "payload.colour")
    corrected = ok(prescribe(dose="25 mg", replaces=first["id"]), 201)
    assert corrected["payload"]["replaces"] == first["id"]
    plain = say(therapist, pair.chat_id, "x")
    for missing in (plain["id"], f"MSG_{pair.chat_id[5:]}_999"):
        refused(prescribe(replaces=missing), 400, "replaces_not_in_chat", "payload.replaces")
    elsewhere = f"MSG_{other_pair.chat_id[5:]}_1"
    assert prescribe(replaces=elsewhere).status_code == 400
    refused(
        therapist.post(f"messages/{first['id']}/edit_message/", json={"text": "y"}),
        409, "prescription_immutable",
    )  # fmt: skip
    assert detail(patient, pair.chat_id)["last_seq"] == 3
