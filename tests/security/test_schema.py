"""The API's document: valid, told in words, true to the server, and its examples run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.calls import connect, ok, refused, rows, say
from tests.harness.server import LiveServer, Pair
from tests.security.test_access_matrix import MATRIX

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))
METHODS = {"get", "post", "put", "patch", "delete"}
CHECKS = (
    schemathesis.checks.not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    content_type_conformance,
)


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
        assert statuses & {"200", "201"}, name
        assert {"401", "404", "503"} <= statuses, name
        assert operation["security"] == [{"bearer": []}], name
        for status, response in operation["responses"].items():
            assert response["description"] or status in ("200", "201"), (name, status)
            assert response["content"]["application/json"]["schema"], (name, status)
        if method == "post":
            assert operation["requestBody"]["content"].keys() == {"application/json"}, name
    assert len(seen) == 14


def test_the_request_examples_run(server: LiveServer, document: dict[str, Any], pair: Pair) -> None:
    """With the ids of a pair in the place of the demo's."""
    ran = 0
    with connect(server, pair.therapist_token) as api, connect(server, pair.patient_token) as them:
        message_id = say(them, pair.chat_id)["id"]
        for path, method, operation in operations(document):
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for name, example in body.get("examples", {}).items():
                text = json.dumps(example["value"])
                text = text.replace("CHAT_t_abc123_p_xyz789", pair.chat_id)
                text = text.replace("t_abc123", pair.therapist_id)
                text = text.replace("p_xyz789", pair.patient_id)
                kind = pair.chat_id if "/chats/" in path else message_id
                answer = api.request(
                    method, path.removeprefix("/api/").replace("{id}", kind), content=text,
                    headers={"Content-Type": "application/json"},
                )  # fmt: skip
                assert answer.status_code in (200, 201), (path, name, answer.text)
                ran += 1
    assert ran >= 4


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


# --- the server against its document --------------------------------------------------------------


@pytest.fixture(scope="module")
def api_schema(document: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_dict(document)


@pytest.fixture(scope="module")
def tokens(module_pair: Pair, admin_token: str) -> dict[str, str]:
    return {
        "therapist": module_pair.therapist_token,
        "patient": module_pair.patient_token,
        "admin": admin_token,
    }


@pytest.fixture(scope="module")
def real_message(server: LiveServer, module_pair: Pair) -> str:
    with connect(server, module_pair.therapist_token) as api:
        found: str = say(api, module_pair.chat_id)["id"]
        return found


@pytest.mark.parametrize("operation", MATRIX)
def test_every_answer_is_as_documented(
    server: LiveServer, api_schema: Any, tokens: dict[str, str], module_pair: Pair,
    real_message: str, log_before: int, operation: str,
) -> None:  # fmt: skip
    method, _, path = operation.partition(" ")

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=api_schema[path][method].as_strategy())
    def hold(case: Any) -> None:
        _make_real(case, module_pair, real_message)
        for role, token in tokens.items():
            case.call_and_validate(
                base_url=server.base,
                headers={"Authorization": f"Bearer {token}"},
                checks=CHECKS,
                timeout=20,
            )
            CASES.append(role)

    hold()


CASES: list[str] = []


@pytest.fixture(scope="module")
def log_before(server: LiveServer) -> int:
    """Where the shared server's log stood: what other tests provoked is not this one's to judge."""
    return len(server.log_text())


def _make_real(case: Any, pair: Pair, message_id: str) -> None:
    """In three of four cases the ids are real ones: else all would end at the guard."""
    if len(CASES) // 3 % 4 == 3:
        return
    ids = {
        "chat_id": pair.chat_id, "therapist_id": pair.therapist_id, "patient_id": pair.patient_id,
    }  # fmt: skip
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            for name in set(values) & set(ids):
                values[name] = ids[name]
            if values is case.path_parameters and "id" in values:
                values["id"] = pair.chat_id if "/chats/" in case.path else message_id
            for name in ("user_id", "sender_id"):
                if values is not case.path_parameters:
                    values.pop(name, None)


def test_nothing_of_it_broke_the_server(
    server: LiveServer, module_pair: Pair, log_before: int
) -> None:
    assert len(CASES) >= 14 * 3
    print(f"schemathesis cases: {len(CASES)}")  # noqa: T201
    assert '"level": "error"' not in server.log_text()[log_before:]
    with connect(server, module_pair.patient_token) as api:
        ok(api.get(f"chats/{module_pair.chat_id}/events/?limit=200"))
    assert rows(server)["messaging_message"]
