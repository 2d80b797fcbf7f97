"""An administrator writes to one, to some, to all; nobody else does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.calls import is_timestamp, new_patients, ok, refused
from tests.harness.server import LiveServer, Pair
from tests.notifications.calls import FIELDS, own, write

ROW = "SELECT count(*) FROM notifications_notification"


def test_some_are_written_to(
    pair: Pair, admin: httpx.Client, therapist: httpx.Client, patient: httpx.Client
) -> None:
    written = write(
        admin, pair.therapist_id, pair.patient_id, pair.patient_id,
        title="Maintenance", body="On Sunday, at 02:00.\nBack at 03:00 ☕", level="warning",
    )  # fmt: skip
    assert is_timestamp(written.pop("created_at"))
    assert written == {
        "title": "Maintenance",
        "body": "On Sunday, at 02:00.\nBack at 03:00 ☕",
        "level": "warning",
        "kind": "admin",
        "recipients": 2,
    }
    (mine,), (theirs,) = own(therapist), own(patient)
    for one in (mine, theirs):
        assert set(one) == FIELDS
        assert is_timestamp(one["created_at"])
        assert one["read_at"] is None
        assert {name: one[name] for name in ("title", "body", "level", "kind")} == {
            name: written[name] for name in ("title", "body", "level", "kind")
        }
    assert mine["id"] != theirs["id"]


def test_the_least_that_can_be_said(pair: Pair, admin: httpx.Client, patient: httpx.Client) -> None:
    write(admin, pair.patient_id, title=" T ")
    (one,) = own(patient)
    assert (one["title"], one["body"], one["level"]) == (" T ", "", "info")


def test_everyone_is_every_active_user(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client
) -> None:
    (gone,) = new_patients(server, pair.therapist_id, 1)
    server.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (gone,))
    (active,) = server.sql("SELECT count(*) FROM accounts_user WHERE is_active")
    written = ok(admin.post("notifications/", json={"everyone": True, "title": "All"}), 201)
    assert written["recipients"] == active[0]
    assert own(patient)[0]["title"] == "All"
    assert own(admin, limit=1)[0]["title"] == "All"
    assert server.sql(f"{ROW} WHERE user_id = %s", (gone,)) == [(0,)]


def test_more_than_one_statement_s_worth(
    server: LiveServer, pair: Pair, admin: httpx.Client
) -> None:
    many = new_patients(server, pair.therapist_id, 2_100)
    assert write(admin, *many)["recipients"] == 2_100
    (found,) = server.sql(
        "SELECT count(*), count(DISTINCT id), count(DISTINCT user_id), count(DISTINCT title_sealed)"
        " FROM notifications_notification WHERE user_id = ANY(%s)",
        (many,),
    )
    assert found == (2_100,) * 4


def test_all_or_nobody(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client
) -> None:
    (gone,) = new_patients(server, pair.therapist_id, 1)
    server.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (gone,))
    for stranger in ("p_never00", gone, "", "P_XYZ", "p_\u00e9", "x" * 500):
        body = {"user_ids": [pair.patient_id, stranger], "title": "Hello"}
        refused(admin.post("notifications/", json=body), 400, "invalid", "user_ids")
    assert own(patient) == []


@pytest.mark.parametrize(
    ("fields", "code", "attr"),
    [
        ({"title": None}, "invalid", "title"),
        ({"title": ""}, "invalid", "title"),
        ({"title": " \n"}, "blank", "title"),
        ({"title": "x" * 201}, "invalid", "title"),
        ({"title": "a\x00"}, "null_character", "title"),
        ({"title": 7}, "invalid", "title"),
        ({"body": "x" * 2001}, "invalid", "body"),
        ({"body": "\x00"}, "null_character", "body"),
        ({"body": None}, "invalid", "body"),
        ({"level": "emergency"}, "invalid", "level"),
        ({"user_ids": []}, "invalid", "user_ids"),
        ({"user_ids": "all"}, "invalid", "user_ids"),
        ({"user_ids": [7]}, "invalid", "user_ids"),
        ({"user_ids": ["p_abc\x00"]}, "invalid", "user_ids"),
        ({"user_ids": ["p_abc123"] * 10_001}, "invalid", "user_ids"),
        ({"everyone": True}, "invalid", "everyone"),
        ({"everyone": "yes"}, "invalid", "everyone"),
        ({"kind": "system"}, "unknown_field", "kind"),
        ({"read_at": None}, "unknown_field", "read_at"),
    ],
)
def test_a_wrong_field_is_named(
    pair: Pair, admin: httpx.Client, fields: dict[str, Any], code: str, attr: str
) -> None:
    body = {"user_ids": [pair.patient_id], "title": "Hello", **fields}
    refused(admin.post("notifications/", json=body), 400, code, attr)


def test_exactly_one_of_the_two(pair: Pair, admin: httpx.Client) -> None:
    for nobody in ({}, {"everyone": False}, {"user_ids": None}):
        body = {"title": "Hello", **nobody}
        refused(admin.post("notifications/", json=body), 400, "required", "user_ids")
    refused(admin.post("notifications/", json={}), 400, "required", "title")


def test_every_wrong_field_at_once(admin: httpx.Client) -> None:
    answer = admin.post("notifications/", json={"title": "\x00", "body": "\x00", "everyone": False})
    refused(answer, 400, "null_character", "title")
    refused(answer, 400, "null_character", "body")
    refused(answer, 400, "required", "user_ids")


@pytest.mark.parametrize("body", [{}, {"everyone": True, "title": "Hello"}, {"nonsense": 1}])
def test_nobody_else_writes(
    therapist: httpx.Client, patient: httpx.Client, body: dict[str, Any]
) -> None:
    for api in (therapist, patient):
        refused(api.post("notifications/", json=body), 403, "admin_only", None)
    assert own(patient) == []


def test_without_a_token(server: LiveServer) -> None:
    with server.api(None) as api:
        refused(api.get("notifications/"), 401, "not_authenticated")
        refused(api.post("notifications/", json={}), 401, "not_authenticated")
        path = "notifications/NTF_5c1c2a0e9b7d4f3a8e6d1c20/mark_read/"
        refused(api.post(path), 401, "not_authenticated")
