"""The API's document: valid, told in words, true to the server, and its examples run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api.calls import connect, ok, refused
from tests.harness.server import LiveServer, Pair
from tests.security.access import OPERATIONS
from tests.security.stage import UPLOAD, Call, Stage, call_of, split

METHODS = {"get", "post", "put", "patch", "delete"}
CALENDAR = "/api/messages/{id}/calendar.ics"
FILES = ("get /api/attachments/{id}/", "get /api/attachments/{id}/thumbnail/")


@pytest.fixture(scope="module")
def document(server: LiveServer) -> dict[str, Any]:
    with connect(server, None) as api:
        found: dict[str, Any] = ok(api.get("schema/"))
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    errors = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert errors == []


def test_every_operation_is_told_in_words(document: dict[str, Any]) -> None:
    seen = set()
    for path, method, operation in operations(document):
        name = f"{method} {path}"
        assert operation.get("summary") or operation.get("description"), name
        assert operation["operationId"] not in seen, name
        seen.add(operation["operationId"])
        statuses = set(operation["responses"])
        file = f"{method} {path}" in FILES
        assert statuses & {"200", "201"}, name
        assert {"400", "401", "403", "404", "413", "415", "429", "503"} <= statuses, name
        assert ("409" in statuses) == (method != "get"), name
        assert operation["security"] == [{"bearer": []}], name
        for status, response in operation["responses"].items():
            assert response["description"] or status in ("200", "201", "206"), (name, status)
            kind = "text/calendar" if (path, status) == (CALENDAR, "200") else "application/json"
            if file and status in ("200", "206"):
                kind = "application/octet-stream"
            assert list(response["content"]) == [kind], (name, status)
            assert response["content"][kind]["schema"], (name, status)
        body = operation.get("requestBody", {}).get("content", {})
        kind = "multipart/form-data" if f"{method.upper()} {path}" == UPLOAD else "application/json"
        assert list(body) == ([kind] if method in ("post", "patch") else []), name
        for parameter in operation.get("parameters", []):
            assert parameter["in"] in ("path", "query", "header"), name
    assert len(seen) == len({split(row)[0] for row in OPERATIONS})


def test_only_the_file_has_no_slash_at_its_end(document: dict[str, Any]) -> None:
    assert [path for path in document["paths"] if not path.endswith("/")] == [CALENDAR]


# --- examples -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(server: LiveServer, module_pair: Pair, admin_token: str) -> Stage:
    return Stage(server, module_pair, connect(server, admin_token))


def test_what_needs_a_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if schemas.get(name, {}).get("required"):
            assert content.get("examples"), f"{method} {path}"


def test_the_request_examples_run(
    server: LiveServer,
    document: dict[str, Any],
    module_pair: Pair,
    stage: Stage,
    admin_token: str,
) -> None:
    """Each by who may, in a state where it can succeed, with real ids in place of the demo's."""
    ran: set[str] = set()
    for path, method, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        row = next(r for r in OPERATIONS if split(r)[0] == f"{method.upper()} {path}")
        for name, example in content.get("examples", {}).items():
            about = stage.set_up(row)
            text = json.dumps(example["value"])
            for demo, real in (
                ("t_abc123", about.therapist_id),
                ("p_xyz789", about.patient_id),
                ("p_rst345", about.newcomer_id),
            ):
                text = text.replace(demo, real)
            if operation.get("x-roles") == ["admin"]:
                token = admin_token
            elif OPERATIONS[row].therapist[0] == "2":
                token = module_pair.therapist_token
            else:
                token = module_pair.patient_token
            with connect(server, token) as api:
                answer = Call(method, call_of(row, about).path, json.loads(text)).by(api)
            assert answer.status_code in (200, 201), (path, name, answer.text)
            ran.add(f"{path} {name}")
    assert len(ran) >= 14


def test_the_examples_are_what_their_schemas_say(document: dict[str, Any]) -> None:
    checked = 0
    for path, method, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            content = body.get("content", {}).get("application/json", {})
            schema = {"components": document["components"], "allOf": [content.get("schema", {})]}
            for name, example in content.get("examples", {}).items():
                errors = list(Draft202012Validator(schema).iter_errors(example["value"]))
                assert errors == [], (method, path, name)
                checked += 1
    assert checked >= 20


# --- the pages ------------------------------------------------------------------------------------


def test_the_documents_are_for_anyone(server: LiveServer) -> None:
    with connect(server, None) as api:
        assert api.get("schema/").headers["Content-Type"].startswith("application/")
        assert api.get("docs/").headers["Content-Type"].startswith("text/html")
        refused(api.get("me/"), 401, "not_authenticated")


def test_the_docs_page_needs_no_other_host(server: LiveServer) -> None:
    with connect(server, None) as api:
        page = api.get("docs/")
        assert page.status_code == 200
        addresses = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
        assert len(addresses) >= 3
        for address in addresses:
            assert re.match(r"/[^/]|[?]", address), address
            found = api.get(httpx.URL(server.base).join(address))
            assert found.status_code == 200, address
        assert not re.findall(r"https?://(?!www\.w3\.org)", page.text)
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy.replace("https://therapyconnect", "")


def test_the_docs_page_is_authorised_in_the_demo(server: LiveServer) -> None:
    with connect(server, None) as api:
        page = api.get("docs/").text
        (script,) = [a for a in re.findall(r'src="([^"]+)"', page) if "script" in a]
        settings_script = api.get(httpx.URL(server.base).join(script)).text
    (token,) = re.findall(r"[\w-]{20,}\.[\w-]{20,}\.[\w-]{20,}", settings_script)
    with connect(server, token) as api:
        assert ok(api.get("me/"))["id"] == "t_abc123"
