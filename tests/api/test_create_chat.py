"""`create_or_get_chat`: who may, what it answers, and what it must not tell."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import (
    ADMIN_CHAT_FIELDS,
    DETAIL_FIELDS,
    end_care,
    new_patients,
    ok,
    refused,
    rows,
    set_fact,
)
from tests.harness.server import LiveServer, Pair

ROUTE = "chats/create_or_get_chat/"


def test_it_makes_the_chat_once_and_then_finds_it(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    (patient_id,) = new_patients(server, pair.therapist_id, 1)
    body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
    made = ok(therapist.post(ROUTE, json=body), 201)
    assert set(made) == DETAIL_FIELDS
    assert made["id"] == f"CHAT_{pair.therapist_id}_{patient_id}"
    assert made["room"]["id"] == f"ROOM_{pair.therapist_id}_{patient_id}"
    assert (made["status"], made["last_seq"], made["unread_count"]) == ("active", 0, 0)
    before = rows(server)
    assert ok(therapist.post(ROUTE, json=body), 200) == made
    assert rows(server) == before


def test_both_participants_and_an_admin_may(
    server: LiveServer, pair: Pair, patient: httpx.Client, admin: httpx.Client
) -> None:
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
    found = ok(patient.post(ROUTE, json={**body, "user_id": pair.patient_id}))
    assert found["id"] == pair.chat_id
    assert set(ok(admin.post(ROUTE, json=body))) == ADMIN_CHAT_FIELDS
    (fresh,) = new_patients(server, pair.therapist_id, 1)
    made = ok(admin.post(ROUTE, json={**body, "patient_id": fresh}), 201)
    assert set(made) == ADMIN_CHAT_FIELDS


def test_what_is_not_there_and_what_is_not_ones_own_answer_the_same(
    server: LiveServer,
    pair: Pair,
    other_pair: Pair,
    therapist: httpx.Client,
    outsider: httpx.Client,
) -> None:
    before = rows(server)
    of_others = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
    answers = [
        outsider.post(ROUTE, json=of_others),
        therapist.post(ROUTE, json={**of_others, "patient_id": "p_nobody000"}),
        therapist.post(ROUTE, json={**of_others, "patient_id": other_pair.patient_id}),
        therapist.post(ROUTE, json={**of_others, "therapist_id": "t_nobody000"}),
        therapist.post(ROUTE, json={**of_others, "patient_id": "not an id"}),
        therapist.post(ROUTE, json={**of_others, "patient_id": "p_\x00aaa"}),
        therapist.post(ROUTE, json={**of_others, "patient_id": pair.therapist_id}),
    ]
    bodies = []
    for answer in answers:
        refused(answer, 404, "not_found")
        bodies.append({**answer.json(), "request_id": ""})
    assert all(body == bodies[0] for body in bodies)
    assert rows(server) == before


def test_a_relationship_that_ended_is_none(
    server: LiveServer, pair: Pair, therapist: httpx.Client, admin: httpx.Client
) -> None:
    (patient_id,) = new_patients(server, pair.therapist_id, 1)
    server.sql(
        "UPDATE accounts_carerelationship SET ended_at = now() WHERE patient_id = %s", (patient_id,)
    )
    body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
    refused(therapist.post(ROUTE, json=body), 404, "not_found")
    refused(admin.post(ROUTE, json=body), 404, "not_found")
    end_care(server, pair)
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
    refused(therapist.post(ROUTE, json=body), 404, "not_found")


def test_a_deleted_chat_is_a_conflict(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    admin: httpx.Client, outsider: httpx.Client,
) -> None:  # fmt: skip
    set_fact(server, pair.chat_id, "deleted_at")
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
    for api in (therapist, patient, admin):
        refused(api.post(ROUTE, json=body), 409, "chat_deleted")
    refused(outsider.post(ROUTE, json=body), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "code", "attr"),
    [
        ({"patient_id": None}, "invalid", "patient_id"),
        ({"patient_id": 7}, "invalid", "patient_id"),
        ({"extra": 1}, "unknown_field", "extra"),
        ({"patient_id": ...}, "required", "patient_id"),
    ],
)
def test_a_wrong_body_names_its_field(
    pair: Pair, therapist: httpx.Client, change: dict[str, object], code: str, attr: str
) -> None:
    body = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id, **change}
    sent = {name: value for name, value in body.items() if value is not ...}
    refused(therapist.post(ROUTE, json=sent), 400, code, attr)
