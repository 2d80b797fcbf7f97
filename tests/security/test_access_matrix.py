"""G10: who may do what, cell by cell: every operation, frame and socket of the documents, by everyone.

An operation or a frame without a row in `access.py` fails: write the row, and think about each of
its cells. What is refused is tried on a state on which a participant's call then succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import claims_of, connect, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import Frame, SocketClient, chat_socket, user_socket
from tests.realtime.tools import heard, refusal
from tests.security.access import FRAMES, GUIDE, OPENINGS, OPERATIONS, SILENCE, Row, guide
from tests.security.stage import NEVER, Cast, Person, Stage, Target, call_of, cast_of, split
from therapyconnect.realtime import frames

METHODS = {"get", "post", "put", "patch", "delete"}
TRIED: dict[str, int] = {"operations": 0, "frames": 0, "openings": 0, "compared": 0}


@pytest.fixture(scope="module")
def cast(server: LiveServer, module_pair: Pair, _pairs: Iterator[Pair], admin_token: str) -> Cast:
    return cast_of(server, module_pair, next(_pairs), next(_pairs), admin_token)


@pytest.fixture(scope="module")
def clients(server: LiveServer, cast: Cast) -> Iterator[Callable[[Person], httpx.Client]]:
    """A client for each person, made once."""
    made: dict[str | None, httpx.Client] = {}

    def client(person: Person) -> httpx.Client:
        if person.token not in made:
            made[person.token] = connect(server, person.token)
        return made[person.token]

    yield client
    for api in made.values():
        api.close()


@pytest.fixture(scope="module")
def stages(
    server: LiveServer, cast: Cast, clients: Callable[[Person], httpx.Client]
) -> dict[bool, Stage]:
    """The pair's chat, and the one whose care has ended."""
    admin = clients(cast.admin)
    return {
        False: Stage(server, cast.pair, admin),
        True: Stage(server, cast.ended, admin, ended=True),
    }


# --- the tables are whole -------------------------------------------------------------------------


def test_every_operation_frame_and_socket_has_its_row(server: LiveServer) -> None:
    with connect(server, None) as api:
        document, sockets = ok(api.get("schema/")), ok(api.get("asyncapi/"))
    served = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }
    assert {split(row)[0] for row in OPERATIONS} == served
    asked = {
        name.partition(".")[2]
        for name, operation in sockets["operations"].items()
        if operation["action"] == "receive"
    }
    assert {split(row)[0] for row in FRAMES} == asked == frames.TYPES
    assert set(OPENINGS) == {channel["address"] for channel in sockets["channels"].values()}


def test_the_guide_shows_the_same_tables() -> None:
    assert GUIDE.read_text() == guide(), "run: python -m tests.security.access"


# --- operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("row", OPERATIONS)
def test_who_may(
    server: LiveServer,
    cast: Cast,
    stages: dict[bool, Stage],
    clients: Callable[[Person], httpx.Client],
    row: str,
) -> None:
    about = stages[False].set_up(row)
    expected = OPERATIONS[row]
    before = rows(server)
    for who, person in cast.nobody.items():
        refused(call_of(row, about).by(clients(person)), 401, "not_authenticated")
        TRIED["operations"] += 1
        assert rows(server) == before, who
    _try_each(server, row, expected, cast.columns(), stages[False], about, clients)
    if "-" not in expected:
        about = stages[True].set_up(row)
        _try_each(server, row, expected, cast.ended_columns(), stages[True], about, clients)


def _try_each(
    server: LiveServer,
    row: str,
    expected: Row,
    people: list[tuple[str, str, Person]],
    stage: Stage,
    about: Target,
    clients: Callable[[Person], httpx.Client],
) -> None:
    """First all who are refused, who change nothing; then each who may, on a state of their own."""
    before = rows(server)
    for column, who, person in people:
        cell = getattr(expected, column)
        if cell[0] == "4":
            assert _cell(call_of(row, about).by(clients(person))) == cell, (who, row)
            TRIED["operations"] += 1
    assert rows(server) == before
    fresh = True
    for column, who, person in people:
        cell = getattr(expected, column)
        if cell[0] == "2":
            if not fresh:
                about = stage.set_up(row)
            assert _cell(call_of(row, about).by(clients(person))) == cell, (who, row)
            fresh = row.startswith("GET")
            TRIED["operations"] += 1


def _cell(answer: httpx.Response) -> str:
    """The answer as the tables write it; an error has the one shape."""
    status = answer.status_code
    if status < 400:
        return str(status)
    code = refused(answer, status, answer.json()["errors"][0]["code"])["code"]
    return "404" if (status, code) == (404, "not_found") else f"{status} {code}"


@pytest.mark.parametrize("row", [name for name, row in OPERATIONS.items() if "404" in row])
def test_what_is_anothers_answers_as_what_never_was(
    cast: Cast, stages: dict[bool, Stage], clients: Callable[[Person], httpx.Client], row: str
) -> None:
    expected = OPERATIONS[row]
    for ended, people in ((False, cast.columns()), (True, cast.ended_columns())):
        absent_for = [one for one in people if getattr(expected, one[0]) == "404"]
        if not absent_for:
            continue
        about = stages[ended].set_up(row)
        for _, who, person in absent_for:
            real = call_of(row, about).by(clients(person))
            absent = call_of(row, NEVER).by(clients(person))
            assert _comparable(real) == _comparable(absent), who
            TRIED["compared"] += 1


def _comparable(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """All of an answer but its request id and the time."""
    request_id = answer.headers["X-Request-ID"]
    body = re.sub(request_id.encode(), b"", answer.content)
    assert request_id.encode() not in body
    headers = {k: v for k, v in answer.headers.items() if k not in ("x-request-id", "date")}
    return answer.status_code, body, headers


def test_the_lists_of_others_do_not_hold_it(
    server: LiveServer,
    cast: Cast,
    stages: dict[bool, Stage],
    clients: Callable[[Person], httpx.Client],
) -> None:
    """Every operation that lists, without naming the chat: to strangers nothing of it is there."""
    about = stages[False].set_up("POST /api/emergencies/{id}/acknowledge/")
    stages[False].set_up("POST /api/notifications/{id}/mark_read/")
    words = {about.chat_id, about.room_id, about.message_id, about.alert_id, "the pair's own"}
    with connect(server, None) as api:
        paths = ok(api.get("schema/"))["paths"]
    lists = [p.removeprefix("/api/") for p, item in paths.items() if "get" in item and "{" not in p]
    assert len(lists) >= 10
    seen: set[str] = set()
    for column, who, person in cast.columns():
        texts = [clients(person).get(path).text for path in lists if path != "messages/"]
        if column != "admin":
            texts.append(clients(person).post("messages/search/", json={"q": "own"}).text)
        found = {word for word in words for text in texts if word in text}
        if column == "admin":  # ids and status: no word
            assert found <= {about.chat_id, about.room_id}
        elif column == "strangers":
            assert found == set(), who
        seen |= found
    assert seen == words  # else this finds nothing


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


def _answer(socket: SocketClient, kind: str, fields: dict[str, Any], *, silent: bool) -> list[Frame]:
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
    operations = {split(row)[0] for row in OPERATIONS}
    print(f"\naccess: {len(operations)} operations in {len(OPERATIONS)} rows × 9 to 11 callers: {TRIED}")  # noqa: T201, E501
    assert TRIED["operations"] >= 9 * len(OPERATIONS)
    assert TRIED["frames"] >= 9 * len(FRAMES)
