"""What the tests of the wire share: the contract's field names, and calls that check themselves."""

from __future__ import annotations

import base64
import json
import re
import secrets
from datetime import datetime
from functools import cache
from typing import Any

import httpx

from tests.harness.server import LiveServer, Pair

MESSAGE_FIELDS = {
    "id", "chat_id", "seq", "changed_seq", "client_message_id", "sender_id", "sender_name",
    "text", "message_type", "emergency", "attachment_url", "attachment_name", "attachment_size",
    "attachment_state", "payload", "read_status", "delivered_at", "read_at", "read_by", "reply_to",
    "reply_to_text", "edited", "edited_at", "deleted", "deleted_at", "deleted_by", "timestamp",
}  # fmt: skip
CHAT_FIELDS = {
    "id", "therapist_id", "patient_id", "therapist_first_name", "therapist_last_name",
    "therapist_full_name", "patient_first_name", "patient_last_name", "patient_full_name",
    "status", "last_message_text", "last_message_timestamp", "last_message_sender_id",
    "therapist_unread_count", "patient_unread_count", "therapist_notifications",
    "patient_notifications", "marked_unread", "created_at", "updated_at",
}  # fmt: skip
DETAIL_FIELDS = CHAT_FIELDS | {
    "other_participant", "unread_count", "last_seq", "receipts", "room", "relationship_active",
}  # fmt: skip
ROOM_FIELDS = {
    "id", "chat_id", "room_type", "description", "tags", "is_active", "therapist_can_send",
    "patient_can_send", "therapist_can_see_history", "patient_can_see_history", "created_at",
    "updated_at",
}  # fmt: skip
ADMIN_CHAT_FIELDS = {
    "id", "therapist_id", "patient_id", "status", "room", "created_at", "updated_at",
}  # fmt: skip
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
APPOINTMENT = {
    "start": "2026-12-01T09:00:00Z",
    "end": "2026-12-01T10:00:00Z",
    "time_zone": "Europe/Zurich",
}
PRESCRIPTION = {"drug": "Sertraline", "dose": "50 mg", "frequency": "once a day"}
PAYLOADS = {"appointment": APPOINTMENT, "prescription": PRESCRIPTION}
KINDS = {400: "validation_error", 500: "server_error", 503: "server_error"}


def connect(server: LiveServer, token: str | None) -> httpx.Client:
    """A client of `/api/`; without the certificates that each of httpx's own would load."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=f"{server.base}/api/", headers=headers, timeout=20, verify=False)


def refused(answer: httpx.Response, status: int, code: str, attr: Any = ...) -> dict[str, Any]:
    """Assert an error of the one shape, with its request id in body and header; its first item."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    body: dict[str, Any] = answer.json()
    assert set(body) - {"crisis_resources"} == {"type", "errors", "request_id"}
    assert body["type"] == KINDS.get(status, "client_error")
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert answer.headers["Content-Type"] == "application/json"
    assert body["errors"]
    for item in body["errors"]:
        assert set(item) == {"code", "detail", "attr"}
        assert item["detail"]
    found = [(item["code"], item["attr"]) for item in body["errors"]]
    if attr is ...:
        assert code in [item[0] for item in found], found
    else:
        assert (code, attr) in found, found
    first: dict[str, Any] = body["errors"][0]
    return first


def is_timestamp(value: Any) -> bool:
    """RFC 3339, in UTC, at most microseconds."""
    return (
        isinstance(value, str)
        and TIMESTAMP.fullmatch(value) is not None
        and datetime.fromisoformat(value).tzinfo is not None
    )


def say(api: httpx.Client, chat_id: str, text: str = "Hello", **fields: Any) -> dict[str, Any]:
    """Send a message that must be created; the message. An appointment gets a payload."""
    kind = fields.get("message_type")
    if kind in PAYLOADS:
        fields.setdefault("payload", PAYLOADS[kind])
    answer = api.post("messages/send_message/", json={"chat_id": chat_id, "text": text, **fields})
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


def ok(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, (answer.status_code, answer.text)
    return answer.json()


def detail(api: httpx.Client, chat_id: str) -> dict[str, Any]:
    found: dict[str, Any] = ok(api.get(f"chats/{chat_id}/"))
    return found


def new_patients(server: LiveServer, therapist_id: str, count: int) -> list[str]:
    """Patients of their own in the therapist's care; no chats yet."""
    ids = [f"p_{secrets.token_hex(8)}" for _ in range(count)]
    server.sql(
        "INSERT INTO accounts_user (id, email, first_name, last_name, password, is_active,"
        " date_joined) SELECT id, id || '@demo.test', 'New', 'Patient', '!', true, now()"
        " FROM unnest(%s::text[]) AS v (id)",
        (ids,),
    )
    relate(server, therapist_id, ids)
    return ids


def relate(server: LiveServer, therapist_id: str, patient_ids: list[str]) -> None:
    server.sql(
        "INSERT INTO accounts_carerelationship (id, therapist_id, patient_id, started_at)"
        " SELECT gen_random_uuid(), %s, id, now() FROM unnest(%s::text[]) AS v (id)",
        (therapist_id, patient_ids),
    )


def end_care(server: LiveServer, pair: Pair) -> None:
    server.sql(
        "UPDATE accounts_carerelationship SET ended_at = now()"
        " WHERE therapist_id = %s AND patient_id = %s",
        (pair.therapist_id, pair.patient_id),
    )


def set_fact(server: LiveServer, chat_id: str, column: str, *, room: bool = False) -> None:
    """Set one of the chat's (or its room's) facts to now, as later routes will."""
    table, key = ("messaging_chatroom", "chat_id") if room else ("messaging_chat", "id")
    server.sql(f"UPDATE {table} SET {column} = now() WHERE {key} = %s", (chat_id,))


_TABLES = """
    SELECT tablename FROM pg_tables
    WHERE schemaname = 'public' AND tablename !~ '^django_' AND tablename <> 'accounts_session'
"""


def rows(server: LiveServer) -> dict[str, int]:
    """How many rows each of the product's tables has: what stayed behind shows here."""
    return dict(server.sql(_counting(server)))


@cache
def _counting(server: LiveServer) -> str:
    return " UNION ALL ".join(
        f"SELECT '{name}', count(*) FROM \"{name}\"" for (name,) in server.sql(_TABLES)
    )


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(
        base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    )
    return found
