"""What may be proposed: each field, each wrong one named, and what is kept."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.messaging.examples import APPOINTMENT, THERAPIST, wrong
from therapyconnect.core.errors import Conflict
from therapyconnect.messaging.policies.appointments import appointment_of, new_appointment


def propose(**changes: Any) -> dict[str, Any]:
    return new_appointment({**APPOINTMENT, **changes}, sender_id=THERAPIST)


def test_defaults_are_filled_in_and_times_are_in_utc() -> None:
    made = propose()
    assert uuid.UUID(made.pop("id")).version == 4
    assert made == {
        "start": "2026-03-02T09:00:00Z",
        "end": "2026-03-02T09:50:00Z",
        "time_zone": "Europe/Vienna",
        "location": None,
        "video_url": None,
        "status": "proposed",
        "note": None,
        "sequence": 0,
        "proposed_by": THERAPIST,
    }


def test_what_is_given_is_kept() -> None:
    given = {
        "id": "visit-7",
        "location": "Practice, 2nd floor\nRing twice",
        "video_url": "https://meet.example:8443/r/a-b?x=1&y=%20#t",
        "note": "Bring the diary.",
        "status": "proposed",
    }
    made = propose(**given)
    assert {name: made[name] for name in given} == given
    assert json.loads(json.dumps(made)) == made
    assert appointment_of(made).id == "visit-7"


def test_the_payload_given_is_left_alone() -> None:
    given = dict(APPOINTMENT)
    new_appointment(given, sender_id=THERAPIST)
    assert given == APPOINTMENT


@pytest.mark.parametrize("name", ["id", "location", "video_url", "note"])
def test_null_is_the_same_as_absent(name: str) -> None:
    made = propose(**{name: None})
    assert made[name] is None or name == "id"
    assert made["id"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("start", "2026-03-02T10:00:00", "invalid"),  # no offset
        ("start", "tomorrow", "invalid"),
        ("start", 1_772_000_000, "invalid"),
        ("start", None, "invalid"),
        ("start", "1999-12-31T23:59:59Z", "invalid"),
        ("start", "0001-01-01T00:00:00+23:59", "invalid"),
        ("end", "2101-01-01T00:00:00Z", "invalid"),
        ("end", "9999-12-31T23:59:59-23:59", "invalid"),
        ("end", "2026-03-02T09:00:00Z", "invalid"),  # the start itself
        ("end", "2026-03-02T08:59:59Z", "invalid"),
        ("end", "2026-03-09T09:00:01Z", "invalid"),  # seven days and a second
        ("time_zone", "Mars/Olympus", "invalid"),
        ("time_zone", "europe/vienna", "invalid"),
        ("time_zone", "../etc/passwd", "invalid"),
        ("time_zone", "localtime", "invalid"),
        ("time_zone", "", "invalid"),
        ("time_zone", "+01:00", "invalid"),
        ("time_zone", "Europe/Vienna\x00", "null_character"),
        ("id", "", "invalid"),
        ("id", "x" * 65, "invalid"),
        ("id", "a b", "invalid"),
        ("id", "a\n", "invalid"),
        ("id", 7, "invalid"),
        ("location", "x" * 501, "invalid"),
        ("location", "a\x00b", "null_character"),
        ("location", "\ud800", "invalid"),
        ("location", ["here"], "invalid"),
        ("note", "x" * 2001, "invalid"),
        ("note", {"text": "a"}, "invalid"),
        ("video_url", "http://meet.example/", "invalid"),
        ("video_url", "javascript:alert(1)", "invalid"),
        ("video_url", "https://", "invalid"),
        ("video_url", "https://:443/", "invalid"),
        ("video_url", "https://meet.example:99999/", "invalid"),
        ("video_url", "https://meet.example/\r\nATTENDEE:x", "invalid"),
        ("video_url", "https://meet.example/ x", "invalid"),
        ("video_url", "https://bank.example@evil.example/", "invalid"),
        ("video_url", "https://meet.example\\@evil.example/", "invalid"),
        ("video_url", "https://[::1/", "invalid"),
        ("video_url", "https://meet.example/" + "x" * 1000, "invalid"),
        ("status", "accepted", "invalid"),
        ("status", None, "invalid"),
        ("sequence", 3, "unknown_field"),
        ("proposed_by", THERAPIST, "unknown_field"),
        ("therapist", "x", "unknown_field"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any, code: str) -> None:
    assert wrong(lambda: propose(**{field: value})) == [(code, f"payload.{field}")]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2000-01-01T00:00:00Z", "2000-01-08T00:00:00Z"),
        ("2100-12-31T23:00:00Z", "2100-12-31T23:59:59.999999Z"),
        ("2026-03-02T10:00:00+14:00", "2026-03-02T10:00:01+14:00"),
    ],
)
def test_the_edges_are_allowed(start: str, end: str) -> None:
    propose(start=start, end=end, location="x" * 500, note="x" * 2000, id="x" * 64)


def test_all_wrong_fields_are_named_at_once() -> None:
    assert wrong(
        lambda: propose(start="x", end="1980-01-01T00:00:00Z", time_zone="x", note=1, sequence=1)
    ) == [
        ("invalid", "payload.end"),
        ("invalid", "payload.note"),
        ("unknown_field", "payload.sequence"),
        ("invalid", "payload.start"),
        ("invalid", "payload.time_zone"),
    ]
    assert wrong(lambda: new_appointment({}, sender_id=THERAPIST)) == [
        ("required", "payload.end"),
        ("required", "payload.start"),
        ("required", "payload.time_zone"),
    ]
    assert wrong(lambda: new_appointment(None, sender_id=THERAPIST)) == [
        ("payload_required", "payload")
    ]


def test_a_strange_field_name_can_still_be_answered() -> None:
    [(code, attr)] = wrong(lambda: propose(**{"\ud800" * 100: 1}))
    assert code == "unknown_field"
    assert attr is not None
    json.dumps(attr, ensure_ascii=False).encode()
    assert len(attr) < 80


@pytest.mark.parametrize("payload", [None, {}, {"start": "x"}, {**APPOINTMENT, "status": "maybe"}])
def test_what_holds_no_appointment_is_told_as_such(payload: dict[str, Any] | None) -> None:
    with pytest.raises(Conflict) as refused:
        appointment_of(payload)
    assert refused.value.code == "not_an_appointment"
