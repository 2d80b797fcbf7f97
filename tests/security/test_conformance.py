"""G13: whatever schemathesis makes of the document, the server answers as the document says.

Every operation, in three roles, in all phases: the examples, the edges of each schema, random
cases, and calls that follow one another with the ids that earlier answers gave.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)
from schemathesis.openapi.checks import JsonSchemaError, UndefinedStatusCode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.calls import connect, ok, rows
from tests.harness.server import LiveServer, Pair
from tests.security.access import OPERATIONS
from tests.security.stage import Stage, Target, split

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))
SHORT = EXAMPLES < 20
ROLES = ("therapist", "patient", "admin")
CHECKS = [
    schemathesis.checks.not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
    content_type_conformance,
]
CASES: Counter[str] = Counter()
STATUSES: Counter[str] = Counter()

# What the cases do to the chat would leave nothing to try: deleted, blocked, ended.
RESET = """
    UPDATE messaging_chat SET archived_at = NULL, blocked_by_therapist_at = NULL,
        blocked_by_patient_at = NULL, deleted_at = NULL WHERE id = %(chat)s;
    UPDATE messaging_chatroom SET archived_at = NULL, therapist_can_send = true,
        patient_can_send = true WHERE chat_id = %(chat)s;
    UPDATE accounts_carerelationship SET ended_at = NULL
        WHERE therapist_id = %(therapist)s AND patient_id = %(patient)s
"""


class Bench:
    """Where cases run: real ids, a chat that is whole before each case, three roles."""

    def __init__(self, server: LiveServer, pair: Pair, about: Target, admin_token: str) -> None:
        assert server.database_url is not None
        self.base = server.base
        self.about = about
        self._turn = self._made = 0
        self._database = psycopg.ClientCursor(
            psycopg.connect(
                server.database_url, autocommit=True, options="-c synchronous_commit=off"
            )
        )
        self._sessions: dict[str, requests.Session] = {}
        tokens = (pair.therapist_token, pair.patient_token, admin_token)
        for role, token in zip(ROLES, tokens, strict=True):
            self._sessions[role] = requests.Session()
            self._sessions[role].headers["Authorization"] = f"Bearer {token}"

    def reset(self) -> None:
        ids = {
            "chat": self.about.chat_id,
            "therapist": self.about.therapist_id,
            "patient": self.about.patient_id,
        }
        self._database.execute(RESET, ids)

    def run(self, case: Any, phase: str) -> None:
        """The case by each role; its answers are as documented.

        The edges of the schemas are many: in a short run the roles take turns on them.
        """
        self.make_real(case)
        self._turn = (self._turn + 1) % len(ROLES)
        for role in (ROLES[self._turn],) if phase == "coverage" and SHORT else ROLES:
            if case.method.upper() != "GET":
                self.reset()
            CASES[f"{phase} as {role}"] += 1
            answer = case.call_and_validate(checks=CHECKS, **self.call_options(role))
            STATUSES[str(answer.status_code)] += 1

    def call_options(self, role: str) -> dict[str, Any]:
        return {"base_url": self.base, "session": self._sessions[role], "timeout": 20}

    def make_real(self, case: Any) -> None:
        """In three of four cases the ids are real ones: else all would end at the guard."""
        self._made += 1
        if self._made % 4 == 0:
            return
        own = {
            "chat_id": self.about.chat_id,
            "therapist_id": self.about.therapist_id,
            "patient_id": self.about.patient_id,
            "user_ids": [self.about.therapist_id, self.about.patient_id],
            "reply_to": self.about.message_id,
        }
        for values in (case.query, case.body):
            if isinstance(values, dict):
                for name in set(values) & set(own):
                    values[name] = own[name]
                for name in ("user_id", "sender_id"):
                    values.pop(name, None)
        if isinstance(case.path_parameters, dict) and "id" in case.path_parameters:
            case.path_parameters["id"] = {
                "chats": self.about.chat_id,
                "messages": self.about.message_id,
                "emergencies": self.about.alert_id,
                "chat-rooms": self.about.room_id,
                "care-relationships": self.about.relationship_id,
                "notifications": self.about.notification_id,
                "attachments": self.about.attachment_id,
            }[case.path.split("/")[2]]

    def close(self) -> None:
        self._database.connection.close()
        for session in self._sessions.values():
            session.close()


@pytest.fixture(scope="module")
def log_before(server: LiveServer) -> int:
    """Where the shared server's log stood: what other tests provoked is not this one's to judge."""
    return len(server.log_text())


@pytest.fixture(scope="module")
def bench(
    server: LiveServer, module_pair: Pair, admin_token: str, log_before: int
) -> Iterator[Bench]:
    with connect(server, admin_token) as admin:
        stage = Stage(server, module_pair, admin)
        alert = stage.set_up("POST /api/emergencies/{id}/acknowledge/")
        about = stage.set_up("POST /api/notifications/{id}/mark_read/ and /answer/")
    about = Target(**{**about.__dict__, "alert_id": alert.alert_id})
    made = Bench(server, module_pair, about, admin_token)
    yield made
    made.close()


@pytest.fixture(scope="module")
def api_schema(server: LiveServer) -> Any:
    with connect(server, None) as api:
        schema = schemathesis.openapi.from_dict(ok(api.get("schema/")))
    schema.config.phases.coverage.unexpected_methods = {"trace"}
    return schema


# --- examples, coverage, fuzzing ------------------------------------------------------------------


@pytest.mark.parametrize("operation", sorted({split(row)[0] for row in OPERATIONS}))
def test_every_answer_is_as_documented(api_schema: Any, bench: Bench, operation: str) -> None:
    def hold(case: Any) -> None:
        bench.run(case, case.meta.phase.name.value if case.meta is not None else "example")

    method, _, path = operation.partition(" ")
    config = HypothesisTestConfig(
        project=api_schema.config,
        modes=list(HypothesisTestMode),
        settings=settings(
            max_examples=EXAMPLES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.explicit, Phase.generate],
        ),
    )
    create_test(operation=api_schema[path][method], test_func=hold, config=config)()


def test_a_document_that_is_not_true_is_found_out(server: LiveServer, bench: Bench) -> None:
    with connect(server, None) as api:
        document = ok(api.get("schema/"))
    document["components"]["schemas"]["Me"]["properties"]["email"] = {"type": "integer"}
    del document["paths"]["/api/chats/{id}/"]["get"]["responses"]["404"]
    schema = schemathesis.openapi.from_dict(document)
    for path, error in (("/api/me/", JsonSchemaError), ("/api/chats/{id}/", UndefinedStatusCode)):
        case = schema[path]["GET"].Case(path_parameters={"id": "nothing"})
        with pytest.raises(FailureGroup) as caught:
            case.call_and_validate(checks=CHECKS, **bench.call_options("therapist"))
        assert [type(found) for found in caught.value.exceptions] == [error]


# --- calls that follow one another ----------------------------------------------------------------


@pytest.mark.parametrize("role", ["therapist", "patient", "admin"])
def test_calls_in_a_row_are_as_documented(api_schema: Any, bench: Bench, role: str) -> None:
    class Workflow(api_schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            bench.reset()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            CASES[f"stateful as {role}"] += 1
            return bench.call_options(role)

        def validate_response(self, response: Any, case: Any, **kwargs: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(
        Workflow,
        settings=settings(
            max_examples=max(EXAMPLES, 3),
            stateful_step_count=8,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],
        ),
    )


def test_nothing_of_it_broke_the_server(
    server: LiveServer, module_pair: Pair, log_before: int
) -> None:
    print(f"\nschemathesis cases: {sum(CASES.values())}: {dict(sorted(CASES.items()))}")  # noqa: T201
    print(f"answers: {dict(sorted(STATUSES.items()))}")  # noqa: T201
    assert STATUSES["200"] > sum(STATUSES.values()) / 10  # else nothing but refusals was seen
    assert sum(CASES.values()) >= 30 * len({split(row)[0] for row in OPERATIONS})
    assert {name.split(" as ")[0] for name in CASES} >= {"coverage", "fuzzing", "stateful"}
    assert '"level": "error"' not in server.log_text()[log_before:]
    with connect(server, module_pair.patient_token) as api:
        ok(api.get(f"chats/{module_pair.chat_id}/events/?limit=200"))
    assert rows(server)["messaging_message"]
