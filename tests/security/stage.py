"""A chat in the state in which each operation can succeed, and the people who try it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from tests.api.calls import APPOINTMENT, PRESCRIPTION, claims_of, connect, end_care, ok, say
from tests.attachments.files import png, uploaded
from tests.harness.server import LiveServer, Pair

_RESET_CHAT = """
    UPDATE messaging_chat SET archived_at = NULL, blocked_by_therapist_at = NULL,
        blocked_by_patient_at = NULL, deleted_at = NULL WHERE id = %s
"""
_RESET_ROOM = """
    UPDATE messaging_chatroom SET archived_at = NULL, therapist_can_send = true,
        patient_can_send = true WHERE chat_id = %s
"""
_RELATE = """
    UPDATE accounts_carerelationship SET ended_at = NULL
    WHERE therapist_id = %s AND patient_id = %s
"""


UPLOAD = "POST /api/attachments/"
"""The one operation that reads a form."""


@dataclass(frozen=True)
class Target:
    """What an operation is about."""

    therapist_id: str
    patient_id: str
    message_id: str
    alert_id: str
    relationship_id: str
    notification_id: str
    attachment_id: str
    """Sent with a message of the therapist's."""
    newcomer_id: str
    """A patient whom the therapist does not care for yet."""

    @property
    def chat_id(self) -> str:
        return f"CHAT_{self.therapist_id}_{self.patient_id}"

    @property
    def room_id(self) -> str:
        return f"ROOM_{self.therapist_id}_{self.patient_id}"


NEVER = Target(
    "t_never00",
    "p_never00",
    "MSG_t_never00_p_never00_1",
    "EMG_t_never00_p_never00_1",
    "00000000-0000-4000-8000-000000000000",
    "NTF_000000000000000000000000",
    f"ATT_t_never00_p_never00_{'0' * 24}",
    "p_never01",
)


class Call(NamedTuple):
    method: str
    path: str
    body: dict[str, Any] | None = None
    file: bytes | None = None
    """Where there is one, the body is a form."""

    def by(self, api: httpx.Client) -> httpx.Response:
        if self.file is not None:
            files = {"file": ("picture.png", self.file, "image/png")}
            return api.request(self.method, self.path, data=self.body, files=files)
        return api.request(self.method, self.path, json=self.body)


def split(row: str) -> tuple[str, str]:
    """The operation (or frame) of a row, and the case in brackets."""
    name, _, case = row.partition(" (")
    return name, case.removesuffix(")")


def call_of(row: str, about: Target) -> Call:
    """The operation of a row, about `about`."""
    operation, case = split(row)
    method, _, template = operation.partition(" ")
    path = template.removeprefix("/api/")
    kind = path.split("/")[0]
    path = path.replace("{id}", _id_of(kind, about))
    name = "" if path.endswith("}/") else template.rstrip("/").rpartition("/")[2]
    if method == "GET" and name in ("messages", "get_unread_messages", "emergencies"):
        path += f"?chat_id={about.chat_id}"
    if method in ("GET", "DELETE"):
        return Call(method, path)
    file = png() if operation == UPLOAD else None
    return Call(method, path, _body(kind, name, case, about), file)


def _id_of(kind: str, about: Target) -> str:
    return {
        "chats": about.chat_id,
        "messages": about.message_id,
        "emergencies": about.alert_id,
        "chat-rooms": about.room_id,
        "care-relationships": about.relationship_id,
        "notifications": about.notification_id,
        "attachments": about.attachment_id,
    }.get(kind, "")


def _body(kind: str, name: str, case: str, about: Target) -> dict[str, Any]:
    pair = {"therapist_id": about.therapist_id, "patient_id": about.patient_id}
    message: dict[str, Any] = {"chat_id": about.chat_id, "text": "hi"}
    if case == "emergency":
        message["emergency"] = True
    elif case == "prescription":
        message |= {"message_type": "prescription", "payload": PRESCRIPTION}
    status = {"archive": "archived", "block": "blocked", "delete": "deleted"}
    bodies: dict[str, dict[str, Any]] = {
        "create_or_get_chat": pair,
        "toggle_notifications": {"notifications_enabled": True},
        "update_status": {"status": status.get(case, "active")},
        "messages": message,
        "attachments": {"chat_id": about.chat_id},
        "send_message": message,
        "edit_message": {"text": "other words"},
        "answer": {"answer": case},
        "search": {"q": "pair", "chat_id": about.chat_id},
        "update_permissions": {"patient_can_send": False},
        "care-relationships": {**pair, "patient_id": about.newcomer_id},
        "notifications": {"user_ids": [about.therapist_id], "title": "Hello"},
        "settings": {"language": "de"},
    }
    if kind == "chat-rooms" and name == "{id}":
        return {"description": "about it"}
    return bodies.get(name, {})


class Stage:
    """One chat, put anew into the state that a row needs: for its participants, or after the end.

    The message is the therapist's, the alert the patient's.
    """

    def __init__(
        self, server: LiveServer, pair: Pair, admin: httpx.Client, *, ended: bool = False
    ) -> None:
        self._server = server
        self.pair = pair
        self._admin = admin
        self._ended = ended
        self._therapist = connect(server, pair.therapist_token)
        self._patient = connect(server, pair.patient_token)

    def set_up(self, row: str) -> Target:
        """Fresh things for the row."""
        server, pair = self._server, self.pair
        server.sql(_RESET_CHAT, (pair.chat_id,))
        server.sql(_RESET_ROOM, (pair.chat_id,))
        server.sql(_RELATE, (pair.therapist_id, pair.patient_id))
        target = Target(
            pair.therapist_id,
            pair.patient_id,
            self._message(row),
            self._alert() if "/emergencies/{id}" in row else NEVER.alert_id,
            self._relationship(),
            self._notification() if "/notifications/{id}" in row else NEVER.notification_id,
            self._attachment() if "/attachments/{id}" in row else NEVER.attachment_id,
            self._newcomer() if row == "POST /api/care-relationships/" else NEVER.newcomer_id,
        )
        if "activate_room" in row:
            ok(self._therapist.post(f"chat-rooms/{target.room_id}/archive_room/"))
        if "lift the therapist's block" in row:
            self._status("blocked")
        if "(restore)" in row:
            self._status("deleted")
        if self._ended:
            end_care(server, pair)
        return target

    def _message(self, row: str) -> str:
        fields: dict[str, Any] = {}
        if "/answer/" in row or "calendar" in row:
            fields = {"message_type": "appointment", "payload": APPOINTMENT}
        said = say(self._therapist, self.pair.chat_id, "the pair's own", **fields)
        found: str = said["id"]
        if "history" in row:
            ok(self._therapist.post(f"messages/{found}/edit_message/", json={"text": "edited"}))
        if "restore_message" in row:
            ok(self._therapist.post(f"messages/{found}/delete_message/"))
        return found

    def _alert(self) -> str:
        sent = say(self._patient, self.pair.chat_id, "help", emergency=True)
        found: str = sent["emergency_alert"]["id"]
        return found

    def _relationship(self) -> str:
        ((found,),) = self._server.sql(
            "SELECT id::text FROM accounts_carerelationship"
            " WHERE therapist_id = %s AND patient_id = %s",
            (self.pair.therapist_id, self.pair.patient_id),
        )
        return str(found)

    def _notification(self) -> str:
        body = {"user_ids": [self.pair.therapist_id], "title": "Hello"}
        ok(self._admin.post("notifications/", json=body), 201)
        newest = ok(self._therapist.get("notifications/?limit=1"))["results"][0]
        return str(newest["id"])

    def _attachment(self) -> str:
        found: str = uploaded(
            self._therapist, self.pair.chat_id, png(), name="picture.png", kind="image/png"
        )["id"]
        say(self._therapist, self.pair.chat_id, message_type="image", attachment_id=found)
        return found

    def _newcomer(self) -> str:
        user_id = f"p_{secrets.token_hex(8)}"
        self._server.sql(
            "INSERT INTO accounts_user (id, email, first_name, last_name, password, is_active,"
            " date_joined) VALUES (%s, %s, 'New', 'Patient', '!', true, now())",
            (user_id, f"{user_id}@demo.test"),
        )
        return user_id

    def _status(self, status: str) -> None:
        path = f"chats/{self.pair.chat_id}/update_status/"
        ok(self._therapist.post(path, json={"status": status}))


@dataclass(frozen=True)
class Person:
    user_id: str
    token: str | None


@dataclass(frozen=True)
class Cast:
    """Who tries: the pair, four strangers to it, an administrator, and who has no valid token."""

    pair: Pair
    ended: Pair
    """The chat of the pair's patient with who once cared for them."""
    strangers: dict[str, Person]
    admin: Person
    nobody: dict[str, Person]

    def columns(self) -> list[tuple[str, str, Person]]:
        """`(column, who, person)` of everyone who asks about the pair's chat."""
        return [
            ("therapist", "therapist", Person(self.pair.therapist_id, self.pair.therapist_token)),
            ("patient", "patient", Person(self.pair.patient_id, self.pair.patient_token)),
            *(("strangers", who, person) for who, person in self.strangers.items()),
            ("admin", "admin", self.admin),
        ]

    def ended_columns(self) -> list[tuple[str, str, Person]]:
        ended = self.ended
        return [
            (
                "ended_therapist",
                "ended therapist",
                Person(ended.therapist_id, ended.therapist_token),
            ),
            ("ended_patient", "ended patient", Person(ended.patient_id, ended.patient_token)),
        ]


def cast_of(
    server: LiveServer, pair: Pair, outsiders: Pair, formers: Pair, admin_token: str
) -> Cast:
    """`formers` become strangers with a past: each once had a chat with one of the pair."""
    past = [
        _care_for_a_while(server, formers.therapist_id, formers.therapist_token, pair.patient_id),
        _care_for_a_while(server, pair.therapist_id, pair.therapist_token, formers.patient_id),
    ]
    revoked = server.login(f"{pair.therapist_id}@demo.test")["access_token"]
    server.sql("DELETE FROM accounts_session WHERE key = %s", (claims_of(revoked)["sid"],))
    return Cast(
        pair=pair,
        ended=Pair(
            formers.therapist_id, pair.patient_id, past[0], formers.therapist_token,
            pair.patient_token,
        ),
        strangers={
            "other therapist": Person(outsiders.therapist_id, outsiders.therapist_token),
            "other patient": Person(outsiders.patient_id, outsiders.patient_token),
            "former therapist": Person(formers.therapist_id, formers.therapist_token),
            "former patient": Person(formers.patient_id, formers.patient_token),
        },
        admin=Person(claims_of(admin_token)["sub"], admin_token),
        nobody={
            "no token": Person(pair.therapist_id, None),
            "revoked token": Person(pair.therapist_id, revoked),
        },
    )  # fmt: skip


def _care_for_a_while(
    server: LiveServer, therapist_id: str, therapist_token: str, patient_id: str
) -> str:
    """The id of a chat of the two in which something was said before the care ended."""
    server.sql(
        "INSERT INTO accounts_carerelationship (id, therapist_id, patient_id, started_at)"
        " VALUES (gen_random_uuid(), %s, %s, now())",
        (therapist_id, patient_id),
    )
    with connect(server, therapist_token) as api:
        body = {"therapist_id": therapist_id, "patient_id": patient_id}
        chat_id: str = ok(api.post("chats/create_or_get_chat/", json=body), 201)["id"]
        say(api, chat_id, "said before")
    end_care(server, Pair(therapist_id, patient_id, chat_id, "", ""))
    return chat_id
