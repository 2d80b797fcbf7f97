"""G10 on sockets: who may open which, and what answers each frame there, by everyone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.calls import claims_of, connect, ok, rows, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import Frame, SocketClient, chat_socket, user_socket
from tests.realtime.tools import heard, refusal
from tests.security.access import FRAMES, OPENINGS, SILENCE
from tests.security.stage import NEVER, Cast, Person, Stage, Target, split

TRIED: dict[str, int] = {"frames": 0, "openings": 0, "compared": 0}

# --- frames ---------------------------------------------------------------------------------------


def _fields(row: str, about: Target, token: str | None) -> dict[str, Any]:
    kind, case = split(row)
    message = {"chat_id": about.chat_id, "message_id": about.message_id}
    fields: dict[str, dict[str, Any]] = {
        "chat_message": {
            "chat_id": about.chat_id, "text": "hi", "emergency": case == "emergency",
        },
        "typing": {"chat_id": about.chat_id, "is_typing": True},
        "message_delivered": message,
        "message_read": message,
        "message_edited": {**message, "text": "other words"},
        "message_deleted": message,
        "resume": {"chats": {about.chat_id: 0}},
        "ping": {},
        "authenticate": {"token": token},
    }  # fmt: skip
    return fields[kind]


def _answer(
    socket: SocketClient, kind: str, fields: dict[str, Any], *, silent: bool
) -> list[Frame]:
    """What answers a frame on this socket: at most one frame."""
    socket.send(kind, ref="asked", **fields)
    if not silent:  # a lane answers in its own time
        while socket.next().get("ref") != "asked":
            pass
    heard(socket)
    return [frame for frame in socket.received if frame.get("ref") == "asked"]


def _told(answers: list[Frame]) -> str:
    return " ".join(frame.get("code", frame["type"]) for frame in answers) or SILENCE


@pytest.mark.parametrize("row", FRAMES)
def test_who_may_send_which_frame(
    server: LiveServer, cast: Cast, stages: dict[bool, Stage], row: str
) -> None:
    kind, _ = split(row)
    expected = FRAMES[row]
    for ended, people in ((False, cast.columns()), (True, cast.ended_columns())):
        for column, who, person in people:
            cell = getattr(expected, column)
            if cell == "-":
                continue
            about = stages[ended].set_up(row)
            fields = _fields(row, about, cast.pair.therapist_token)
            before, silent = rows(server), cell == SILENCE
            assert person.token is not None
            with user_socket(server, person.user_id, person.token) as socket:
                answers = _answer(socket, kind, fields, silent=silent)
            assert _told(answers) == cell, who
            TRIED["frames"] += 1
            if answers and answers[0]["type"] == "error":
                assert rows(server) == before, who
            if cell == "not_found":
                _same_as_for_what_never_was(server, person, row, answers)


def _same_as_for_what_never_was(
    server: LiveServer, person: Person, row: str, answers: list[Frame]
) -> None:
    assert person.token is not None
    with user_socket(server, person.user_id, person.token) as socket:
        absent = _answer(socket, split(row)[0], _fields(row, NEVER, None), silent=False)
    for frame in (*answers, *absent):  # each echoes the chat that it was asked about
        frame.pop("chat_id", None)
    assert answers == absent
    TRIED["compared"] += 1


@pytest.mark.parametrize("row", [row for row in FRAMES if "authenticate" not in row])
def test_on_the_chats_own_socket_it_is_the_same(
    server: LiveServer, cast: Cast, stages: dict[bool, Stage], row: str
) -> None:
    kind, _ = split(row)
    for ended in (False, True):
        pair = cast.ended if ended else cast.pair
        people = cast.ended_columns() if ended else cast.columns()[:2]
        for column, who, person in people:
            about = stages[ended].set_up(row)
            fields = _fields(row, about, None)
            if kind == "resume":
                fields = {"after_seq": 0}
            cell = getattr(FRAMES[row], column)
            assert person.token is not None
            with chat_socket(server, pair.chat_id, person.token) as socket:
                answers = _answer(socket, kind, fields, silent=cell == SILENCE)
            assert _told(answers) == cell, who
            TRIED["frames"] += 1


# --- sockets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", OPENINGS)
def test_who_may_open_a_socket(
    server: LiveServer, cast: Cast, stages: dict[bool, Stage], address: str
) -> None:
    expected = OPENINGS[address]
    for ended, people in ((False, cast.columns()), (True, cast.ended_columns())):
        about = stages[ended].set_up(address)
        path = address.format(chat_id=about.chat_id, user_id=about.therapist_id)
        never = address.format(chat_id=NEVER.chat_id, user_id=NEVER.therapist_id)
        for who, person in cast.nobody.items() if not ended else ():
            assert refusal(server, path, person.token).status == 401, who
            TRIED["openings"] += 1
        for column, who, person in people:
            cell = getattr(expected, column)
            if cell == "-":
                continue
            TRIED["openings"] += 1
            if cell == "opened":
                with SocketClient(server, path, person.token) as socket:
                    assert socket.next()["type"] == "connection_established", who
                continue
            real, absent = refusal(server, path, person.token), refusal(server, never, person.token)
            found = str(real.status) if real.status == 404 else f"{real.status} {real.code}"
            assert found == cell, who
            assert (real.status, real.body["errors"]) == (absent.status, absent.body["errors"])
            assert set(real.headers) == set(absent.headers)
            TRIED["compared"] += 1


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
        ok(api.post(f"messages/{message['id']}/edit_message/", json={"text": "in other words"}))
        patient.send("typing", is_typing=True)
        ok(api.post(f"chats/{pair.chat_id}/mark_all_read/"))
        ok(api.post(f"messages/{message['id']}/delete_message/"))
        ok(api.post(f"messages/{message['id']}/restore_message/"))
        assert len(heard(insider)) == 7
        assert "between us" in str(insider.received)
        assert heard(outsider) == []
        assert heard(admin) == []


def test_how_much_was_tried() -> None:
    """Fails where cells were skipped; the numbers are for the reader."""
    print(f"\naccess on sockets: {len(FRAMES)} rows of frames: {TRIED}")  # noqa: T201
    assert TRIED["frames"] >= 9 * len(FRAMES)
