"""A page costs a fixed number of queries, whatever its size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from therapyconnect.accounts import services
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.services.chats import create_or_get_chat
from therapyconnect.messaging.services.engine import stop_own
from therapyconnect.messaging.services.sending import mark_all_read, send_message

THERAPIST = "t_counts"
SIZES = (1, 10, 50)


class Reader:
    """The therapist's HTTP client, in this process, with its queries counted."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {token}"})

    def queries(self, path: str, results: int) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            answer = self.client.get(f"/api/{path}")
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        assert len(body.get("results", body.get("events", ()))) == results
        return [query["sql"] for query in captured.captured_queries]


@pytest.fixture
def reader(transactional_db: None, settings: Any) -> Iterator[Reader]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    user = make_user(THERAPIST)
    yield Reader(mint_access(user_id=user.id, session_id=open_sessions([user])[user.id]))
    stop_own()
    cipher_store.cache_clear()


def make_user(user_id: str) -> Any:
    return services.create_user(id=user_id, email=f"{user_id}@counts.test", password=None)


def principal(user_id: str) -> Principal:
    role: Any = "therapist" if user_id.startswith("t_") else "patient"
    return Principal(user_id, role, "", "", session_id="", expires_at=0)


def chat_with(patient_id: str, messages: int) -> str:
    """A chat in which the patient said so much, each a reply, half of it read."""
    make_user(patient_id)
    services.create_relationship(therapist_id=THERAPIST, patient_id=patient_id)
    patient = principal(patient_id)
    chat_id, _ = create_or_get_chat(caller=patient, therapist_id=THERAPIST, patient_id=patient_id)
    last: str | None = None
    for number in range(messages):
        sent = send_message(
            sender=patient, chat_id=chat_id, text=str(number), message_type="text",
            emergency=False, reply_to=last, client_message_id=None, attachment_id=None,
            payload={"n": number},
        )  # fmt: skip
        last = sent.message.id
        if number % 2:
            mark_all_read(reader=principal(THERAPIST), chat_id=chat_id, up_to_seq=number)
    return chat_id


def test_a_page_of_history(reader: Reader) -> None:
    chat_id = chat_with("p_counts", 50)
    path = f"messages/?chat_id={chat_id}"
    reader.queries(f"{path}&limit=1", 1)  # the process now knows the chat's data key
    found = {size: reader.queries(f"{path}&limit={size}", size) for size in SIZES}
    assert {len(queries) for queries in found.values()} == {3}, found  # caller, chat, page
    events = f"chats/{chat_id}/events/"
    found = {size: reader.queries(f"{events}?limit={size}", size) for size in SIZES}
    assert {len(queries) for queries in found.values()} == {4}, found  # and what else happened
    assert len(reader.queries(f"chats/{chat_id}/", 0)) == 2


def test_the_chat_list(reader: Reader) -> None:
    for number in range(50):
        chat_with(f"p_counts{number}", 1)
    cipher_store.cache_clear()  # so that all 50 data keys are missing
    cold = {size: reader.queries(f"chats/?limit={size}", size) for size in reversed(SIZES)}
    warm = {size: reader.queries(f"chats/?limit={size}", size) for size in SIZES}
    assert len(cold[50]) == 3, cold[50]  # caller, page, keys
    assert {len(queries) for queries in warm.values()} == {2}, warm


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("chats/?ordering=priority", 2),
        ("chats/get_user_chats/", 2),
        ("chat-rooms/", 2),
        ("care-relationships/", 2),
        ("emergencies/", 2),
        ("messages/get_unread_messages/", 2),
    ],
)
def test_every_other_list(reader: Reader, path: str, queries: int) -> None:
    """The caller and the page; data keys are known to the process by then."""
    for number in range(12):
        chat_id = chat_with(f"p_counts{number}", 0)
        send_message(
            sender=principal(f"p_counts{number}"), chat_id=chat_id, text="help",
            message_type="text", emergency=True, reply_to=None, client_message_id=None,
            attachment_id=None, payload=None,
        )  # fmt: skip
    join = "&" if "?" in path else "?"
    found = {n: reader.queries(f"{path}{join}limit={n}", n) for n in (1, 12)}
    assert {len(asked) for asked in found.values()} == {queries}, found
