"""G10: who may do what, cell by cell: every operation of the document, by everyone.

An operation or a frame without a row in `access.py` fails: write the row, and think about each of
its cells. What is refused is tried on a state on which a participant's call then succeeds.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest

from tests.api.calls import connect, ok, refused, rows
from tests.harness.server import LiveServer
from tests.security.access import FRAMES, GUIDE, OPENINGS, OPERATIONS, Row, guide
from tests.security.stage import NEVER, Cast, Person, Stage, Target, call_of, split
from therapyconnect.realtime import frames

METHODS = {"get", "post", "put", "patch", "delete"}
TRIED: dict[str, int] = {"cells": 0, "compared": 0}
Clients = Callable[[Person], httpx.Client]


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
    clients: Clients,
    row: str,
) -> None:
    about = stages[False].set_up(row)
    expected = OPERATIONS[row]
    before = rows(server)
    for who, person in cast.nobody.items():
        refused(call_of(row, about).by(clients(person)), 401, "not_authenticated")
        TRIED["cells"] += 1
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
    clients: Clients,
) -> None:
    """First all who are refused, who change nothing; then each who may, on a state of their own."""
    before = rows(server)
    for column, who, person in people:
        cell = getattr(expected, column)
        if cell[0] == "4":
            assert _cell(call_of(row, about).by(clients(person))) == cell, (who, row)
            TRIED["cells"] += 1
    assert rows(server) == before
    fresh = True
    for column, who, person in people:
        cell = getattr(expected, column)
        if cell[0] == "2":
            if not fresh:
                about = stage.set_up(row)
            assert _cell(call_of(row, about).by(clients(person))) == cell, (who, row)
            fresh = row.startswith("GET")
            TRIED["cells"] += 1


def _cell(answer: httpx.Response) -> str:
    """The answer as the tables write it; an error has the one shape."""
    status = answer.status_code
    if status < 400:
        return str(status)
    code = refused(answer, status, answer.json()["errors"][0]["code"])["code"]
    return "404" if (status, code) == (404, "not_found") else f"{status} {code}"


@pytest.mark.parametrize("row", [name for name, row in OPERATIONS.items() if "404" in row])
def test_what_is_anothers_answers_as_what_never_was(
    cast: Cast, stages: dict[bool, Stage], clients: Clients, row: str
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
    clients: Clients,
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


def test_how_much_was_tried() -> None:
    """Fails where cells were skipped; the numbers are for the reader."""
    operations = {split(row)[0] for row in OPERATIONS}
    print(f"\naccess: {len(operations)} operations, {len(OPERATIONS)} rows: {TRIED}")  # noqa: T201
    assert TRIED["cells"] >= 9 * len(OPERATIONS)
