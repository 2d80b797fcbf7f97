"""Each refusal of a patient's emergency says whom to call; nobody else's does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from tests.accounts.api import Api
from tests.accounts.conftest import make_user
from therapyconnect.accounts.models import UserSettings
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.core.errors import Problem
from therapyconnect.core.queries import run
from therapyconnect.core.rest.errors import error_response
from therapyconnect.crisis.memory import memory
from therapyconnect.crisis.middleware import CrisisMiddleware
from therapyconnect.crisis.refusals import beside_refusal
from therapyconnect.crisis.selectors import known_resources, learn_whereabouts, resources_of

SEND = "/api/messages/send_message/"
CHAT = "CHAT_t_abc123_p_xyz789"
HELP = {"chat_id": CHAT, "text": "help", "emergency": True}
NEUTRAL = [None, None, None]
SWISS = ["144", "143"]


@pytest.fixture(autouse=True)
def _nobody_known() -> Iterator[None]:
    memory.forget_all()
    yield
    memory.forget_all()


@pytest.fixture
def patient(db: None) -> Api:
    return _as("p_xyz789", "patient@demo.test")


@pytest.fixture
def swiss(patient: Api) -> Api:
    UserSettings.objects.create(user_id="p_xyz789", region="CH", language="de")
    return patient


def _as(user_id: str, email: str) -> Api:
    user = make_user(user_id, email)
    session_id = open_sessions([user])[user.id]
    return Api(token=mint_access(user_id=user.id, session_id=session_id))


def phones(body: dict[str, Any]) -> list[str | None]:
    for resource in body["crisis_resources"]:
        assert set(resource) == {"name", "phone", "text", "url", "region", "hours"}
        assert isinstance(resource["name"], str)
        assert isinstance(resource["region"], str)
    return [resource["phone"] for resource in body["crisis_resources"]]


REFUSED: dict[int, tuple[str, str, Any]] = {
    400: (SEND, "invalid", {**HELP, "text": 1}),
    404: (SEND, "not_found", {**HELP, "chat_id": "CHAT_t_other00_p_other00"}),
    403: (SEND, "identity_mismatch", {**HELP, "sender_id": "p_other00"}),
}


@pytest.mark.parametrize("status", REFUSED)
def test_a_refusal_names_the_lines_of_the_patients_region(swiss: Api, status: int) -> None:
    path, code, body = REFUSED[status]
    answer = swiss.call("POST", path, body)
    assert (answer.status, answer.body["errors"][0]["code"]) == (status, code)
    assert set(answer.body) == {"type", "errors", "request_id", "crisis_resources"}
    assert phones(answer.body) == SWISS


def test_they_are_told_before_anything_happens(swiss: Api) -> None:
    route = "/api/me/crisis-resources/"
    told = swiss.call("GET", route)
    assert (told.status, phones(told.body)[:2]) == (200, SWISS)
    UserSettings.objects.filter(user_id="p_xyz789").update(region="")
    assert phones(swiss.call("GET", route).body) == NEUTRAL
    assert swiss.call("GET", f"{route}?user_id=p_other").status == 403
    assert Api(token=None).call("GET", route).status == 401


def test_both_routes_of_a_send_and_the_flag(swiss: Api) -> None:
    for path in (SEND, "/api/messages/"):
        assert phones(swiss.call("POST", path, {**HELP, "text": 1}).body) == SWISS
    flag = swiss.call("POST", f"/api/messages/MSG_{CHAT[5:]}_99/mark_emergency/", {})
    assert flag.status in (403, 404)
    assert phones(flag.body) == SWISS


def test_what_is_no_json_is_read_all_the_same(swiss: Api) -> None:
    broken = swiss.call("POST", SEND, b'{"emergency": true, "text": "help')
    assert (broken.status, broken.body["errors"][0]["code"]) == (400, "parse_error")
    assert phones(broken.body) == SWISS


def test_another_type_of_body(swiss: Api) -> None:
    headers = {"Authorization": f"Bearer {swiss.token}", "Content-Type": "text/plain"}
    answer = swiss.call("POST", SEND, json.dumps(HELP).encode(), headers)
    assert answer.status == 415
    assert phones(answer.body) == SWISS


def test_too_big_to_be_read(swiss: Api) -> None:
    answer = swiss.call("POST", SEND, b'{"text": "' + b"x" * (3 * 1024 * 1024) + b'"}')
    assert answer.status == 413
    assert answer.body["errors"][0]["code"] == "payload_too_large"
    assert phones(answer.body) == SWISS


def test_without_a_valid_token_nothing_is_known(swiss: Api) -> None:
    for token in (None, "x.y.z", ""):
        answer = Api(token=token).call("POST", SEND, HELP)
        assert answer.status == 401
        assert phones(answer.body) == NEUTRAL


def test_a_revoked_session_still_says_where_its_patient_is(swiss: Api) -> None:
    from therapyconnect.accounts.models import Session

    Session.objects.all().delete()
    answer = swiss.call("POST", SEND, HELP)
    assert answer.status == 401
    assert phones(answer.body) == SWISS


def test_a_host_that_is_not_ours(swiss: Api) -> None:
    headers = {"Authorization": f"Bearer {swiss.token}", "Host": "evil.example"}
    answer = swiss.call("POST", SEND, HELP, headers)
    assert answer.status == 400
    assert phones(answer.body) == SWISS


def test_a_patient_of_an_unknown_region(patient: Api) -> None:
    assert phones(patient.call("POST", SEND, {**HELP, "text": 1}).body) == NEUTRAL


@pytest.mark.parametrize(("user_id", "email"), [("t_abc123", "t@a.test"), ("a_admin1", "a@a.test")])
def test_a_therapist_and_an_admin_get_nothing(db: None, user_id: str, email: str) -> None:
    answer = _as(user_id, email).call("POST", SEND, {**HELP, "text": 1})
    assert answer.status == 400
    assert set(answer.body) == {"type", "errors", "request_id"}


def test_an_ordinary_refusal_has_nothing(swiss: Api) -> None:
    for body in ({**HELP, "text": 1, "emergency": False}, {"chat_id": CHAT, "text": 1}):
        assert "crisis_resources" not in swiss.call("POST", SEND, body).body
    assert "crisis_resources" not in swiss.call("GET", "/api/messages/?chat_id=x").body


# --- statuses that take an accident ---------------------------------------------------------------


def _through(status: int, token: str | None, answer: HttpResponse | None = None) -> HttpResponse:
    def get_response(request: HttpRequest) -> HttpResponse:
        if answer is not None:
            return answer
        response = error_response(request, status, Problem("code", "Sentence."))
        response["Content-Length"] = str(len(response.content))
        return response

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = RequestFactory().post(
        SEND, json.dumps(HELP), content_type="application/json", headers=headers
    )
    return CrisisMiddleware(get_response)(request)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 429, 500])
def test_every_status_and_its_length(swiss: Api, status: int) -> None:
    response = _through(status, swiss.token)
    assert response.status_code == status
    assert phones(json.loads(response.content)) == SWISS
    assert int(response["Content-Length"]) == len(response.content)


def test_away_the_last_known_region_counts(swiss: Api, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert phones(json.loads(_through(503, swiss.token).content)) == NEUTRAL
    run(resources_of("p_xyz789"))
    with django_assert_num_queries(0):
        assert phones(json.loads(_through(503, swiss.token).content)) == SWISS
        assert phones(json.loads(_through(429, swiss.token).content)) == SWISS
    with django_assert_num_queries(1):
        assert phones(json.loads(_through(500, swiss.token).content)) == SWISS


def test_a_change_of_settings_is_remembered(patient: Api) -> None:
    change = {"region": "fr", "language": "fr"}
    assert patient.call("PATCH", "/api/me/settings/", change).status == 200
    assert [r.phone for r in known_resources("p_xyz789")] == ["112", "3114"]


def test_a_start_learns_where_patients_are(swiss: Api) -> None:
    make_user("t_abc123", "t@a.test")
    UserSettings.objects.create(user_id="t_abc123", region="CH")
    assert run(learn_whereabouts()) == 1
    assert [r.phone for r in known_resources("p_xyz789")] == SWISS
    assert [r.phone for r in known_resources("t_abc123")] == NEUTRAL


def test_what_is_no_json_becomes_ours(swiss: Api) -> None:
    for body in (b"<h1>Bad gateway</h1>", b"[]", b"{"):
        kind = "text/html" if body[:1] == b"<" else "application/json"
        response = _through(502, swiss.token, HttpResponse(body, status=502, content_type=kind))
        found = json.loads(response.content)
        assert set(found) == {"type", "errors", "request_id", "crisis_resources"}
        assert response["Content-Type"] == "application/json"


def test_what_is_there_stays(swiss: Api) -> None:
    body = json.dumps({"crisis_resources": []})
    answer = HttpResponse(body, status=403, content_type="application/json")
    assert json.loads(_through(403, swiss.token, answer).content) == {"crisis_resources": []}


def test_a_success_is_left_alone(swiss: Api) -> None:
    answer = HttpResponse(b'{"id":1}', status=201, content_type="application/json")
    assert _through(201, swiss.token, answer).content == b'{"id":1}'


def test_what_the_server_refuses_before_django_sees_it(swiss: Api) -> None:
    run(resources_of("p_xyz789"))
    beside = beside_refusal("POST", SEND, f"Bearer {swiss.token}")
    assert phones(json.loads(json.dumps(beside))) == SWISS
    assert phones(beside_refusal("POST", "/api/messages/")) == NEUTRAL
    assert beside_refusal("POST", "/api/chats/") == {}
    assert beside_refusal("GET", "/api/messages/", f"Bearer {swiss.token}") == {}
    therapist = _as("t_abc123", "t@a.test")
    assert beside_refusal("POST", SEND, f"Bearer {therapist.token}") == {}
