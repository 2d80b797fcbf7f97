"""The calendar file, line by line against RFC 5545, and as a calendar reads it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from tests.messaging.examples import APPOINTMENT, MESSAGE, PATIENT, THERAPIST
from therapyconnect.core.errors import Conflict
from therapyconnect.messaging.calendar_file import calendar_file
from therapyconnect.messaging.policies.appointments import answer_appointment, new_appointment

NOW = datetime(2026, 3, 1, 8, 30, 15, 250_000, tzinfo=UTC)
LATER = {"start": "2026-03-03T10:00:00Z", "end": "2026-03-03T11:00:00Z"}
LINE = re.compile(r"(?P<name>[A-Z-]+)(;[^:]+)?:(?P<value>.*)", re.S)


def file_of(*answers: tuple[str, str], now: datetime = NOW, **changes: Any) -> bytes:
    """The file of a proposal of the therapist's after these answers: `(who, what)`."""
    payload = new_appointment({**APPOINTMENT, **changes}, sender_id=THERAPIST)
    for actor, answer in answers:
        times = LATER if answer == "reschedule" else {}
        after = answer_appointment(payload, answer=answer, actor_id=actor, **times)  # type: ignore[arg-type]
        assert after is not None
        payload = after
    return calendar_file(message_id=MESSAGE, payload=payload, now=now)


def lines(file: bytes) -> list[str]:
    """The content lines, unfolded; asserts the file's outer form on the way."""
    assert file.endswith(b"\r\n")
    assert b"\n" not in file.replace(b"\r\n", b"")
    assert b"\r" not in file.replace(b"\r\n", b"")
    for physical in file.split(b"\r\n")[:-1]:
        assert 1 <= len(physical) <= 75
        physical.decode("utf-8")  # no character is cut in two
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", physical)
    return file.decode().replace("\r\n ", "").split("\r\n")[:-1]


def properties(file: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines(file):
        match = LINE.fullmatch(line)
        assert match is not None, line
        if match["name"] not in ("BEGIN", "END"):
            assert match["name"] not in found, line
            found[match["name"]] = match["value"]
    return found


def unescaped(value: str) -> str:
    """TEXT as RFC 5545 reads it; a bare separator or an unknown escape is no TEXT."""
    assert re.fullmatch(r"(?:[^\\;,]|\\[\\;,nN])*", value, re.S), value
    return re.sub(
        r"\\(.)", lambda match: {"n": "\n", "N": "\n"}.get(match[1], match[1]), value, flags=re.S
    )


def test_the_whole_file() -> None:
    assert lines(file_of(location="Practice", video_url="https://meet.example/r?a=1;b,c")) == [
        "BEGIN:VCALENDAR",
        "PRODID:-//TherapyConnect//Calendar//EN",
        "VERSION:2.0",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{MESSAGE}@therapyconnect",
        "DTSTAMP:20260301T083015Z",
        "SEQUENCE:0",
        "DTSTART:20260302T090000Z",
        "DTEND:20260302T095000Z",
        "STATUS:TENTATIVE",
        "TRANSP:OPAQUE",
        "SUMMARY:Appointment",
        "CLASS:PRIVATE",
        "LOCATION:Practice",
        "URL:https://meet.example/r?a=1;b,c",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


@pytest.mark.parametrize(
    ("answers", "method", "status", "transparent", "sequence"),
    [
        ([], "PUBLISH", "TENTATIVE", "OPAQUE", "0"),
        ([(PATIENT, "accept")], "PUBLISH", "CONFIRMED", "OPAQUE", "0"),
        ([(PATIENT, "decline")], "PUBLISH", "CANCELLED", "TRANSPARENT", "0"),
        ([(PATIENT, "reschedule")], "PUBLISH", "TENTATIVE", "OPAQUE", "1"),
        ([(PATIENT, "reschedule"), (THERAPIST, "accept")], "PUBLISH", "CONFIRMED", "OPAQUE", "1"),
        ([(THERAPIST, "cancel")], "CANCEL", "CANCELLED", "TRANSPARENT", "1"),
        ([(PATIENT, "accept"), (PATIENT, "cancel")], "CANCEL", "CANCELLED", "TRANSPARENT", "1"),
    ],
)
def test_each_status(
    answers: list[tuple[str, str]], method: str, status: str, transparent: str, sequence: str
) -> None:
    found = properties(file_of(*answers))
    assert found["METHOD"] == method
    assert found["STATUS"] == status
    assert found["TRANSP"] == transparent
    assert found["SEQUENCE"] == sequence
    assert found["UID"] == f"{MESSAGE}@therapyconnect"
    moved = any(answer == "reschedule" for _, answer in answers)
    assert found["DTSTART"] == ("20260303T100000Z" if moved else "20260302T090000Z")


def test_nothing_of_whom_or_why() -> None:
    text = file_of(note="My panic attacks, Dr. Freud").decode()
    for word in ("panic", "Freud", "DESCRIPTION", "ORGANIZER", "ATTENDEE", "LOCATION", "URL"):
        assert word not in text
    assert properties(file_of())["SUMMARY"] == "Appointment"
    assert properties(file_of())["CLASS"] == "PRIVATE"


def test_a_later_file_is_the_newer_one() -> None:
    first, second = file_of(now=NOW), file_of(now=NOW + timedelta(seconds=1))
    assert properties(first)["DTSTAMP"] < properties(second)["DTSTAMP"]
    assert file_of(now=NOW, id="same") == file_of(now=NOW, id="same")


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2026-03-02T10:00:00.9Z", "2026-03-02T10:00:00.95Z", ("100000Z", "100001Z")),
        ("2026-03-02T10:00:00.0Z", "2026-03-02T10:30:00.000Z", ("100000Z", "103000Z")),
    ],
)
def test_parts_of_a_second_never_make_an_empty_event(
    start: str, end: str, shown: tuple[str, str]
) -> None:
    found = properties(file_of(start=start, end=end))
    assert (found["DTSTART"][-7:], found["DTEND"][-7:]) == shown


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Room 3; left, then \\up", "Room 3; left, then \\up"),
        ("C:\\New \\n \\N", "C:\\New \\n \\N"),
        ("one\ntwo\r\nthree\rfour", "one\ntwo\nthree\nfour"),
        ("one\u2028two\u0085three\x0bfour", "one\ntwo\nthree\nfour"),
        ("\x1b[31mred\x07\x7f\ttab", "[31mred\ttab"),
        ("END:VEVENT\r\nBEGIN:VALARM", "END:VEVENT\nBEGIN:VALARM"),
        ("Praxis für Gespräche, Straße 4, Wörthersee " * 4 + "x",
         "Praxis für Gespräche, Straße 4, Wörthersee " * 4 + "x"),
        ("\U0001f9d1\u200d\u2695\ufe0f" * 40, "\U0001f9d1\u200d\u2695\ufe0f" * 40),
    ],
)  # fmt: skip
def test_a_place_is_escaped(given: str, read: str) -> None:
    assert unescaped(properties(file_of(location=given))["LOCATION"]) == read


@pytest.mark.parametrize("location", [None, "", "  ", "\r\n\x07"])
def test_no_place_is_no_line(location: str | None) -> None:
    assert "LOCATION" not in properties(file_of(location=location))


PLACES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=500
) | st.text(st.sampled_from('\\;,nN:\r\n\t ü\U0001f642"'), max_size=120)


@given(location=PLACES)
def test_any_place_is_one_escaped_line(location: str) -> None:
    file = file_of(location=location)
    names = [line.split(":")[0].split(";")[0] for line in lines(file)]
    expected = [line.split(":")[0] for line in lines(file_of(location="x"))]
    assert names == (expected if "LOCATION" in names else [n for n in expected if n != "LOCATION"])
    kept = unescaped(properties(file).get("LOCATION", ""))
    assert re.sub(r"[\s\x00-\x1f\x7f]", "", kept) == re.sub(r"[\s\x00-\x1f\x7f]", "", location)


@pytest.mark.parametrize("location", ["Practice; 2nd floor, left\nRing", "ü" * 200])
def test_a_calendar_reads_it(location: str) -> None:
    url = "https://meet.example/" + "r" * 300
    read = Calendar.from_ical(file_of((PATIENT, "accept"), location=location, video_url=url))
    (event,) = read.walk("VEVENT")
    assert event["UID"] == f"{MESSAGE}@therapyconnect"
    assert event["DTSTART"].dt == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 3, 2, 9, 50, tzinfo=UTC)
    assert event["LOCATION"] == location
    assert event["URL"] == url
    assert event["STATUS"] == "CONFIRMED"
    assert event["SEQUENCE"] == 0
    assert not event.errors


def test_a_message_without_an_appointment_has_no_file() -> None:
    for payload in (None, {}, {"start": 1}):
        with pytest.raises(Conflict):
            calendar_file(message_id=MESSAGE, payload=payload, now=NOW)
