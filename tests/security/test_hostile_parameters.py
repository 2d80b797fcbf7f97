"""Odd ids, filters, cursors and methods on every operation of the document."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.calls import connect, ok, refused, rows
from tests.harness.server import LiveServer, Pair
from tests.security.access import OPERATIONS
from tests.security.raw import exchange, request
from tests.security.stage import Stage, Target, call_of, split

pytestmark = pytest.mark.usefixtures("quiet")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE")
TRIED = {"odd": 0, "cursors": 0, "methods": 0}
ODD = (
    "%00", "a%00b", "%ff", "%ed%a0%80", "..%2f..%2fetc%2fpasswd", "%27%20OR%201=1--", "x" * 4_000,
    "%e2%80%ae", "%0d%0aSet-Cookie:%20a=b", "{0}%00", "{0}%0a", "%20{0}", "{0};", "$where", "*",
    "-1", "1e400", "9223372036854775808", "%F0%9F%AB%82", "null", "[]", "__proto__",
)  # fmt: skip


ROUTES = sorted({split(row)[0] for row in OPERATIONS})


@pytest.fixture(scope="module")
def document(server: LiveServer) -> dict[str, Any]:
    with connect(server, None) as api:
        found: dict[str, Any] = ok(api.get("schema/"))
    return found


@pytest.fixture(scope="module")
def about(server: LiveServer, module_pair: Pair, admin_token: str) -> Target:
    with connect(server, admin_token) as admin:
        return Stage(server, module_pair, admin).set_up("POST /api/emergencies/{id}/resolve/")


@pytest.fixture(scope="module")
def people(
    server: LiveServer, module_pair: Pair, admin_token: str
) -> Iterator[dict[str, httpx.Client]]:
    tokens = {
        "therapist": module_pair.therapist_token,
        "patient": module_pair.patient_token,
        "admin": admin_token,
        "nobody": None,
    }
    clients = {who: connect(server, token) for who, token in tokens.items()}
    yield clients
    for client in clients.values():
        client.close()


def parameters(document: dict[str, Any], route: str) -> dict[str, dict[str, Any]]:
    method, path = route.split(" ")
    found = document["paths"][path][method.lower()].get("parameters", [])
    return {one["name"]: one["schema"] for one in found if one["in"] == "query"}


@pytest.mark.parametrize("who", ["therapist", "patient", "admin", "nobody"])
def test_odd_ids_and_parameters_everywhere(
    server: LiveServer, document: dict[str, Any], about: Target, people: dict[str, httpx.Client],
    who: str,
) -> None:  # fmt: skip
    api = people[who]
    before = rows(server)
    # Who is refused before anything is read tries fewer.
    odds = ODD if who in ("therapist", "patient") else ODD[::5]
    for odd in (odd.format(about.message_id) for odd in odds):
        for route in ROUTES:
            call = call_of(route, about)
            if "{id}" in route:
                path = route.split(" ")[1].removeprefix("/api/").replace("{id}", odd)
                answer = call._replace(path=path).by(api)
                assert 400 <= answer.status_code < 500, (route, odd, answer.text[:300])
                TRIED["odd"] += 1
            if route.startswith("GET"):
                for name in (*parameters(document, route), odd):
                    join = "&" if "?" in call.path else "?"
                    answer = api.get(f"{call.path}{join}{name}={odd}")
                    assert answer.status_code < 500, (route, name, odd, answer.text[:300])
                    TRIED["odd"] += 1
        for path in (odd, f"{odd}/", f"me/?{odd}={odd}"):
            assert api.get(path).status_code < 500, (path, odd)
    assert rows(server) == before


@pytest.mark.parametrize("name", ["schema", "asyncapi", "docs"])
def test_odd_parameters_of_the_documents(server: LiveServer, name: str) -> None:
    with connect(server, None) as api:
        for odd in ODD[::3]:
            for parameter in ("format", "lang", "version", "script"):
                answer = api.get(f"{name}/?{parameter}={odd.format('x')}")
                assert answer.status_code < 500, (parameter, odd, answer.text[:300])
                assert "Set-Cookie" not in answer.headers


def cursor(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


NOW = "2026-03-01T09:00:00Z"
NO_CURSORS = (
    "x", "====", "%", "bnVsbA", "a" * 4_000, cursor(None), cursor([]), cursor({}), cursor("x"),
    cursor([NOW]), cursor([NOW, 1]), cursor(["x", "y"]), cursor([NOW, "x", "y"]),
    cursor(["0001-01-01T00:00:00Z", "x"]), cursor(["9999-12-31T23:59:59Z", "x"]),
    cursor([NOW, "a\x00b"]), cursor([NOW[:-1], "x"]), cursor([[NOW], "x"]),
    cursor(["2026-03-01T09:00:00+02:00", "x"]), "💥", "-1", "9223372036854775808", "%00",
)  # fmt: skip
# Well made, but of no list, or of another one: refused, or a place where nothing is.
OTHERS = (
    cursor([NOW, "x"]), cursor([NOW, "CHAT_t_abc123_p_xyz789"]), cursor([NOW, "' OR 1=1--", True]),
    cursor([NOW, "MSG_t_abc123_p_xyz789_1"]), cursor([NOW, "EMG_t_abc123_p_xyz789_1", True]),
    cursor([NOW, "00000000-0000-4000-8000-000000000000"]), cursor([NOW, ""]),
    cursor([NOW, "NTF_5c1c2a0e9b7d4f3a8e6d1c20", True]), cursor([NOW, "x" * 5_000]),
    cursor([NOW, "MSG_t_abc123_p_xyz789_9223372036854775808"]),
)  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_garbage_in_every_lists_cursor_and_limit(
    document: dict[str, Any], about: Target, people: dict[str, httpx.Client], route: str
) -> None:
    named = parameters(document, route)
    call = call_of(route, about)
    join = "&" if "?" in call.path else "?"

    def get(name: str, value: Any) -> httpx.Response:
        TRIED["cursors"] += 1
        return call._replace(path=f"{call.path}{join}{name}={value}").by(people["therapist"])

    if "cursor" in named:
        for text in NO_CURSORS:
            refused(get("cursor", text), 400, "invalid" if text == "%00" else "invalid_cursor")
        for text in OTHERS:
            answer = get("cursor", text)
            if answer.status_code != 200:
                refused(answer, 400, "invalid_cursor", "cursor")
            for known in ("therapist_id", "patient_id"):
                assert "abc123" not in str(answer.json().get("results", [{}])[:1]), known
    if "limit" in named:
        for number in ("0", "-1", "201", "1000000000", "1e9", "x", "9" * 400, "NaN", "1.5", "null"):
            refused(get("limit", number), 400, "invalid", "limit")
        refused(get("limit", "1&limit=2"), 400, "invalid", "limit")
    numbers = {"after_seq", "before_seq", "after_version", "before_version"} & set(named)
    for name in numbers:
        for number in ("-1", "9223372036854775808", "1.5", "x", "9" * 400, "0x1"):
            refused(get(name, number), 400, "invalid", name)
    for name in ("unread", "emergency", "active", "exclude_deleted"):
        if name in named:
            for text in ("maybe", "2", "%20true", "[]"):
                refused(get(name, text), 400, "invalid", name)
    for name, schema in named.items():
        if "enum" in json.dumps(schema):
            refused(get(name, "nothing"), 400, "invalid", name)


@pytest.mark.parametrize("route", ROUTES)
def test_anothers_id_in_the_query_is_refused(
    about: Target, people: dict[str, httpx.Client], route: str
) -> None:
    if "/me/" in route and "settings" not in route:
        pytest.skip("the contract gives it no such parameter")
    call = call_of(route, about)
    join = "&" if "?" in call.path else "?"
    for who, own, other in (
        ("therapist", about.therapist_id, about.patient_id),
        ("patient", about.patient_id, "a_admin1"),
        ("admin", "a_admin1", about.therapist_id),
    ):
        for query in (f"user_id={other}", "user_id=x", f"user_id={own}&user_id={other}"):
            answer = call._replace(path=f"{call.path}{join}{query}").by(people[who])
            refused(answer, 403, "identity_mismatch", "user_id")


def test_no_other_method_on_any_path(
    server: LiveServer, document: dict[str, Any], about: Target, people: dict[str, httpx.Client],
    module_pair: Pair,
) -> None:  # fmt: skip
    before = rows(server)
    for path, item in document["paths"].items():
        route = next(route for route in ROUTES if route.endswith(f" {path}"))
        filled = call_of(route, about).path.partition("?")[0]
        for method in METHODS:
            if method.lower() in item:
                continue
            answer = people["therapist"].request(method, filled)
            refused(answer, 405, "method_not_allowed", None)
            allowed = {name.strip().lower() for name in answer.headers["Allow"].split(",")}
            assert set(item) <= allowed
            assert method.lower() not in allowed
            TRIED["methods"] += 1
        raw = request("TRACE", f"/api/{filled}", module_pair.therapist_token, b"", "X-A: canary")
        answer_bytes = exchange(server, raw)
        assert (answer_bytes.status, b"canary" in answer_bytes.body) == (405, False)
    assert rows(server) == before


def test_how_much_was_tried() -> None:
    print(f"\nhostile parameters: {TRIED}")  # noqa: T201
    assert all(TRIED.values())
