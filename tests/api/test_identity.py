"""Who is calling comes from the token; any other claim is refused, in query and body."""

from __future__ import annotations

import httpx
import pytest

from tests.api.calls import ok, refused, rows, say
from tests.harness.server import LiveServer, Pair

READS = ["chats/", "chats/get_user_chats/", "chats/{chat}/", "chats/{chat}/events/",
         "messages/?chat_id={chat}", "messages/{message}/"]  # fmt: skip
WRITES = {
    "chats/create_or_get_chat/": {"therapist_id": "{therapist}", "patient_id": "{patient}"},
    "chats/{chat}/toggle_notifications/": {"notifications_enabled": True},
    "chats/{chat}/mark_all_read/": {},
    "messages/": {"chat_id": "{chat}", "text": "hi"},
    "messages/send_message/": {"chat_id": "{chat}", "text": "hi"},
    "messages/{message}/mark_read/": {},
    "messages/{message}/mark_delivered/": {},
}


def filled(template: str, pair: Pair, message_id: str = "") -> str:
    return template.format(
        chat=pair.chat_id, message=message_id, therapist=pair.therapist_id, patient=pair.patient_id
    )


@pytest.mark.parametrize("route", READS)
def test_a_query_names_the_caller_or_nobody(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, route: str
) -> None:
    address = filled(route, pair, say(therapist, pair.chat_id)["id"])
    join = "&" if "?" in address else "?"
    ok(patient.get(f"{address}{join}user_id={pair.patient_id}"))
    for other in (pair.therapist_id, "p_nobody000", "%00", "x"):
        answer = patient.get(f"{address}{join}user_id={other}")
        refused(answer, 403, "identity_mismatch", "user_id")
    twice = f"{address}{join}user_id={pair.patient_id}&user_id={pair.therapist_id}"
    refused(patient.get(twice), 403, "identity_mismatch", "user_id")


@pytest.mark.parametrize("route", WRITES)
def test_a_body_names_the_caller_or_nobody(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client, route: str
) -> None:
    address = filled(route, pair, say(therapist, pair.chat_id)["id"])
    body = {name: filled(value, pair) if isinstance(value, str) else value
            for name, value in WRITES[route].items()}  # fmt: skip
    claim = "sender_id" if route in ("messages/", "messages/send_message/") else "user_id"
    before = rows(server)
    for other in (pair.therapist_id, "", "p_nobody000"):
        answer = patient.post(address, json={**body, claim: other})
        refused(answer, 403, "identity_mismatch", claim)
        answer = patient.post(f"{address}?user_id={pair.therapist_id}", json=body)
        refused(answer, 403, "identity_mismatch", "user_id")
    assert rows(server) == before
    assert patient.post(address, json={**body, claim: pair.patient_id}).status_code in (200, 201)
