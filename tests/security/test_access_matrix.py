"""Who may do what: every operation of the API's document and every frame, by everyone.

An operation or a frame without a row fails: write the row, and think about each of its columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx
import pytest

from tests.api.calls import claims_of, connect, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard
from therapyconnect.realtime import frames

WHO = ("therapist", "patient", "other therapist", "other patient", "admin", "nobody", "revoked")

# The pair's own therapist and patient; then who has nothing to do with the pair. The message that
# a row is about was said by the therapist.
MATRIX: dict[str, tuple[int, ...]] = {
    # operation                                     ther  pat  o.th o.pa adm  none revoked
    "POST /api/chats/create_or_get_chat/":          (200, 200, 404, 404, 200, 401, 401),
    "GET /api/chats/get_user_chats/":               (200, 200, 200, 200, 403, 401, 401),
    "GET /api/chats/":                              (200, 200, 200, 200, 200, 401, 401),
    "GET /api/chats/{id}/":                         (200, 200, 404, 404, 200, 401, 401),
    "POST /api/chats/{id}/toggle_notifications/":   (200, 200, 404, 404, 404, 401, 401),
    "POST /api/chats/{id}/mark_all_read/":          (200, 200, 404, 404, 404, 401, 401),
    "GET /api/chats/{id}/events/":                  (200, 200, 404, 404, 404, 401, 401),
    "GET /api/messages/":                           (200, 200, 404, 404, 404, 401, 401),
    "POST /api/messages/":                          (201, 201, 404, 404, 404, 401, 401),
    "POST /api/messages/send_message/":             (201, 201, 404, 404, 404, 401, 401),
    "GET /api/messages/{id}/":                      (200, 200, 404, 404, 404, 401, 401),
    "POST /api/messages/{id}/mark_read/":           (403, 200, 404, 404, 404, 401, 401),
    "POST /api/messages/{id}/mark_delivered/":      (403, 200, 404, 404, 404, 401, 401),
    "GET /api/me/":                                 (200, 200, 200, 200, 200, 401, 401),
}  # fmt: skip

# Frames about the pair's chat, sent on a user socket: the answer's type, or the error's code.
# `None`: nothing comes back. The message was said by the therapist.
FRAMES: dict[str, tuple[str | None, ...]] = {
    # frame               therapist          patient                       others       admin
    "chat_message":      ("chat_message",   "chat_message",               "not_found", "not_found"),
    "typing":            (None,             None,                         "not_found", "not_found"),
    "message_delivered": ("not_recipient",  "message_delivered_receipt",  "not_found", "not_found"),
    "message_read":      ("not_recipient",  "message_read_receipt",       "not_found", "not_found"),
    "resume":            ("resumed",        "resumed",                    "not_found", "not_found"),
    "ping":              ("pong",           "pong",                       "pong",      "pong"),
    # Always with the therapist's token: only on the therapist's own session it is taken.
    "authenticate":      (None, "not_authenticated", "not_authenticated", "not_authenticated"),
}  # fmt: skip

NEVER = Pair("t_never00", "p_never00", "CHAT_t_never00_p_never00", "", "")


class Call(NamedTuple):
    method: str
    path: str
    body: Any = None

    def by(self, api: httpx.Client) -> httpx.Response:
        return api.request(self.method, self.path, json=self.body)


def call_for(operation: str, pair: Pair, message_id: str) -> Call:
    """The operation, about the pair's chat and that message."""
    method, _, template = operation.partition(" ")
    path = template.removeprefix("/api/")
    body: Any = None
    if path.startswith("chats/"):
        path = path.replace("{id}", pair.chat_id)
    if path.startswith("messages/"):
        path = path.replace("{id}", message_id)
    if operation == "GET /api/messages/":
        path += f"?chat_id={pair.chat_id}"
    if method == "POST":
        body = {
            "create_or_get_chat": {
                "therapist_id": pair.therapist_id,
                "patient_id": pair.patient_id,
            },
            "toggle_notifications": {"notifications_enabled": True},
            "messages": {"chat_id": pair.chat_id, "text": "hi"},
            "send_message": {"chat_id": pair.chat_id, "text": "hi"},
        }.get(path.split("?")[0].strip("/").rpartition("/")[2], {})
    return Call(method, path, body)


@pytest.fixture(scope="module")
def callers(
    server: LiveServer, module_pair: Pair, outsiders: Pair, admin_token: str
) -> dict[str, httpx.Client]:
    revoked = server.login(f"{module_pair.therapist_id}@demo.test")["access_token"]
    server.sql("DELETE FROM accounts_session WHERE key = %s", (claims_of(revoked)["sid"],))
    tokens = (
        module_pair.therapist_token, module_pair.patient_token, outsiders.therapist_token,
        outsiders.patient_token, admin_token, None, revoked,
    )  # fmt: skip
    return {who: connect(server, token) for who, token in zip(WHO, tokens, strict=True)}


@pytest.fixture(scope="module")
def outsiders(_pairs: Any) -> Pair:
    pair: Pair = next(_pairs)
    return pair


@pytest.fixture(scope="module")
def message_id(callers: dict[str, httpx.Client], module_pair: Pair) -> str:
    found: str = say(callers["therapist"], module_pair.chat_id, "the pair's own")["id"]
    return found


def operations(server: LiveServer) -> set[str]:
    with connect(server, None) as api:
        document = ok(api.get("schema/"))
    methods = {"get", "post", "put", "patch", "delete"}
    return {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in methods
    }


def test_every_operation_and_every_frame_has_its_row(server: LiveServer) -> None:
    assert operations(server) == set(MATRIX)
    assert set(FRAMES) == frames.TYPES


@pytest.mark.parametrize("operation", MATRIX)
def test_who_may(
    module_pair: Pair, callers: dict[str, httpx.Client], message_id: str, operation: str
) -> None:
    found = tuple(
        call_for(operation, module_pair, message_id).by(callers[who]).status_code for who in WHO
    )
    assert dict(zip(WHO, found, strict=True)) == dict(zip(WHO, MATRIX[operation], strict=True))


@pytest.mark.parametrize("operation", [name for name, row in MATRIX.items() if 404 in row])
def test_what_is_anothers_answers_as_what_never_was(
    module_pair: Pair, callers: dict[str, httpx.Client], message_id: str, operation: str
) -> None:
    for who, status in zip(WHO, MATRIX[operation], strict=True):
        if status != 404:
            continue
        real = call_for(operation, module_pair, message_id).by(callers[who])
        absent = call_for(operation, NEVER, "MSG_t_never00_p_never00_1").by(callers[who])
        assert real.status_code == absent.status_code == 404
        assert same(real) == same(absent), who
        assert set(real.headers) == set(absent.headers)


def same(answer: httpx.Response) -> dict[str, Any]:
    return {**answer.json(), "request_id": ""}


def test_the_lists_of_others_do_not_hold_it(
    module_pair: Pair, callers: dict[str, httpx.Client], message_id: str
) -> None:
    for who in ("other therapist", "other patient"):
        for path in ("chats/", "chats/get_user_chats/", "me/"):
            text = callers[who].get(path).text
            for word in (*module_pair.chat_id.split("_", 1)[1:], module_pair.patient_id):
                assert word not in text


def fields_of(kind: str, pair: Pair, message_id: str) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {
        "chat_message": {"chat_id": pair.chat_id, "text": "hi"},
        "typing": {"chat_id": pair.chat_id, "is_typing": True},
        "message_delivered": {"chat_id": pair.chat_id, "message_id": message_id},
        "message_read": {"chat_id": pair.chat_id, "message_id": message_id},
        "resume": {"chats": {pair.chat_id: 0}},
        "ping": {},
        "authenticate": {"token": pair.therapist_token},
    }
    return fields[kind]


@pytest.mark.parametrize("kind", FRAMES)
def test_who_may_send_which_frame(
    server: LiveServer, module_pair: Pair, outsiders: Pair, admin_token: str, message_id: str,
    kind: str,
) -> None:  # fmt: skip
    admin_id = claims_of(admin_token)["sub"]
    people = (
        (module_pair.therapist_id, module_pair.therapist_token),
        (module_pair.patient_id, module_pair.patient_token),
        (outsiders.therapist_id, outsiders.therapist_token),
        (admin_id, admin_token),
    )
    for (user_id, token), expected in zip(people, FRAMES[kind], strict=True):
        with user_socket(server, user_id, token) as socket:
            socket.send(kind, ref="asked", **fields_of(kind, module_pair, message_id))
            if expected is not None:  # sends and receipts are answered by their lane, in its time
                while socket.next().get("ref") != "asked":
                    pass
            heard(socket)
            answers = [
                frame.get("code", frame["type"])
                for frame in socket.received
                if frame.get("ref") == "asked"
            ]
        assert answers == ([] if expected is None else [expected]), user_id


@pytest.mark.parametrize("opened", ["chat", "user"])
def test_an_outsider_gets_no_frame(
    server: LiveServer, pair: Pair, other_pair: Pair, admin_token: str, opened: str
) -> None:
    open_for: Callable[[Pair], Any] = (
        (lambda p: chat_socket(server, p.chat_id, p.therapist_token))
        if opened == "chat"
        else (lambda p: user_socket(server, p.therapist_id, p.therapist_token))
    )
    with (
        open_for(other_pair) as outsider,
        user_socket(server, claims_of(admin_token)["sub"], admin_token) as admin,
        open_for(pair) as insider,
        connect(server, pair.patient_token) as api,
        chat_socket(server, pair.chat_id, pair.patient_token) as patient,
    ):
        message = say(api, pair.chat_id, "between us", emergency=True)
        patient.send("typing", is_typing=True)
        ok(api.post(f"chats/{pair.chat_id}/mark_all_read/"))
        assert len(heard(insider)) == 3
        assert message["text"] in str(insider.received)
        assert heard(outsider) == []
        assert heard(admin) == []
