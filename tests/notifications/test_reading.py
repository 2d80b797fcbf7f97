"""One's own list, its pages and its read marks; what is another's does not exist."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import is_timestamp, ok, refused
from tests.harness.server import Pair
from tests.notifications.calls import FIELDS, own, write

UNKNOWN = "NTF_5c1c2a0e9b7d4f3a8e6d1c20"


def mark(api: httpx.Client, notification_id: str, **body: Any) -> httpx.Response:
    return api.post(f"notifications/{notification_id}/mark_read/", json=body)


def titles(found: list[dict[str, Any]]) -> list[str]:
    return [one["title"] for one in found]


def test_newest_first_and_nobody_elses(
    pair: Pair, admin: httpx.Client, therapist: httpx.Client, patient: httpx.Client
) -> None:
    for title in ("one", "two"):
        write(admin, pair.patient_id, title=title)
    write(admin, pair.therapist_id, title="other")
    assert titles(own(patient)) == ["two", "one"]
    assert titles(own(therapist)) == ["other"]


def test_marked_once(pair: Pair, admin: httpx.Client, patient: httpx.Client) -> None:
    write(admin, pair.patient_id, title="one")
    write(admin, pair.patient_id, title="two")
    two, one = own(patient)
    marked = ok(mark(patient, one["id"]))
    assert set(marked) == FIELDS
    assert is_timestamp(marked["read_at"])
    assert {**marked, "read_at": None} == one
    assert ok(mark(patient, one["id"])) == marked  # the first reading's time stays
    assert own(patient) == [two, marked]
    assert own(patient, unread="true") == [two]
    assert own(patient, unread="false") == [marked]
    refused(patient.get("notifications/?unread=some"), 400, "invalid", "unread")


def test_another_s_is_as_one_that_never_was(
    pair: Pair, admin: httpx.Client, therapist: httpx.Client, patient: httpx.Client
) -> None:
    write(admin, pair.patient_id)
    (one,) = own(patient)
    answers = [
        mark(api, notification_id)
        for api in (therapist, admin)
        for notification_id in (one["id"], UNKNOWN, "7", "NTF_", "%00", "x" * 3000)
    ]
    for answer in answers:
        refused(answer, 404, "not_found", None)
    assert len({str({**answer.json(), "request_id": ""}) for answer in answers}) == 1
    assert own(patient) == [one]


def test_who_calls_is_in_the_token(pair: Pair, admin: httpx.Client, patient: httpx.Client) -> None:
    write(admin, pair.patient_id)
    (one,) = own(patient)
    assert titles(own(patient, user_id=pair.patient_id)) == ["Hello"]
    for answer in (
        patient.get(f"notifications/?user_id={pair.therapist_id}"),
        admin.get(f"notifications/?user_id={pair.patient_id}"),
        mark(patient, one["id"], user_id=pair.therapist_id),
        patient.post(f"notifications/{one['id']}/mark_read/?user_id={pair.therapist_id}"),
    ):
        refused(answer, 403, "identity_mismatch", "user_id")
    refused(mark(patient, one["id"], read=True), 400, "unknown_field", "read")
    assert own(patient) == [one]
    assert ok(mark(patient, one["id"], user_id=pair.patient_id))["read_at"]


def test_pages_lead_on_and_back(pair: Pair, admin: httpx.Client, patient: httpx.Client) -> None:
    for number in range(7):
        write(admin, pair.patient_id, title=str(number))
    newest = [str(number) for number in reversed(range(7))]
    page = ok(patient.get("notifications/", params={"limit": 3, "unread": "true"}))
    seen, pages = titles(page["results"]), [page]
    assert page["previous"] is None
    while page["next"]:
        assert "unread=true" in page["next"]
        page = ok(patient.get(page["next"]))
        seen += titles(page["results"])
        pages.append(page)
    assert seen == newest
    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    for before in reversed(pages[:-1]):
        page = ok(patient.get(page["previous"]))
        assert page["results"] == before["results"]
    assert page["previous"] is None
    assert titles(own(patient)) == newest
    assert titles(own(patient, limit=200)) == newest


def test_a_page_stays_in_its_place(pair: Pair, admin: httpx.Client, patient: httpx.Client) -> None:
    for number in range(4):
        write(admin, pair.patient_id, title=str(number))
    page = ok(patient.get("notifications/", params={"limit": 2}))
    write(admin, pair.patient_id, title="meanwhile")
    assert titles(ok(patient.get(page["next"]))["results"]) == ["1", "0"]


@pytest.mark.parametrize(
    ("query", "code", "attr"),
    [
        ({"limit": 0}, "invalid", "limit"),
        ({"limit": 201}, "invalid", "limit"),
        ({"limit": "x"}, "invalid", "limit"),
        ({"cursor": "x"}, "invalid_cursor", "cursor"),
        ({"cursor": "W10"}, "invalid_cursor", "cursor"),
        ({"unread": ["true", "false"]}, "invalid", "unread"),
    ],
)
def test_a_wrong_parameter_is_named(
    patient: httpx.Client, query: dict[str, Any], code: str, attr: str
) -> None:
    refused(patient.get("notifications/", params=query), 400, code, attr)


def test_other_methods(patient: httpx.Client) -> None:
    for method, path in (
        ("PUT", "notifications/"),
        ("DELETE", "notifications/"),
        ("GET", f"notifications/{UNKNOWN}/mark_read/"),
    ):
        refused(patient.request(method, path), 405, "method_not_allowed")
    refused(patient.get(f"notifications/{UNKNOWN}/"), 404, "not_found")
