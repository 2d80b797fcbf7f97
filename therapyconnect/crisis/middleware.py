"""Every refusal of a patient's emergency says whom to call instead.

Outermost but for the request id, so that nothing refuses before it: not the host check, not the
token's, not an error of ours. It never makes a refusal worse: whatever fails here, neutral
resources are added.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from therapyconnect.accounts.settings_shapes import Settings
from therapyconnect.core.errors import Problem
from therapyconnect.core.queries import run
from therapyconnect.core.rest.errors import bad_request, error_body
from therapyconnect.crisis.memory import memory
from therapyconnect.crisis.refusals import FIELD, caller_id, resources_by_memory
from therapyconnect.crisis.requests import is_mark, may_be_emergency, says_emergency
from therapyconnect.crisis.resources import CrisisResource, resources_for, table
from therapyconnect.crisis.selectors import resources_of

log = structlog.get_logger("therapyconnect.crisis")

_SETTINGS_ROUTE = "/api/me/settings/"


class CrisisMiddleware:
    """Adds `crisis_resources` to the body of each 4xx and 5xx that answers an emergency."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        table()  # a file with a fault stops the start, not the first emergency

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not may_be_emergency(request.method or "", request.path_info):
            response = self.get_response(request)
            if request.path_info == _SETTINGS_ROUTE:
                _remember(response)
            return response
        # Read before the view does, so that both can. What nobody can read may be an emergency.
        body: bytes | None = None
        try:
            body = request.body
            response = self.get_response(request)
        except RequestDataTooBig as error:
            response = bad_request(request, error)
        except UnreadablePostError:
            response = self.get_response(request)
        if response.status_code >= 400 and (
            body is None or is_mark(request.path_info) or says_emergency(body)
        ):
            _add(request, response)
        return response


def _add(request: HttpRequest, response: HttpResponse) -> None:
    try:
        resources = _resources(request, response.status_code)
    except Exception as error:
        log.warning("crisis.neutral", error=type(error).__name__)
        resources = resources_for("")
    if resources is None:
        return
    body = _decoded(response)
    if body is None:
        problem = Problem("bad_request", "The request was refused.")
        body = error_body(response.status_code, [problem], getattr(request, "request_id", None))
        response["Content-Type"] = "application/json"
    body.setdefault(FIELD, resources)
    response.content = msgspec.json.encode(body)
    response["Content-Length"] = str(len(response.content))


def _decoded(response: HttpResponse) -> dict[str, Any] | None:
    """The error's JSON object, or None where something else answered."""
    if not response.get("Content-Type", "").startswith("application/json"):
        return None
    try:
        body = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        return None
    return body if isinstance(body, dict) else None


def _resources(request: HttpRequest, status: int) -> list[CrisisResource] | None:
    """Whom the caller can turn to; None for who is no patient."""
    user_id = caller_id(request.META.get("HTTP_AUTHORIZATION"))
    known = resources_by_memory(user_id)
    if user_id is None or known is None:
        return known
    if status == 503 or (status == 429 and memory.recall(user_id) is not None):
        # The database is away, or each of a flood of requests would ask it once more.
        return known
    try:
        return run(resources_of(user_id))
    except Exception as error:
        log.info("crisis.by_memory", error=type(error).__name__)
        return known


def _remember(response: HttpResponse) -> None:
    """What the caller was just shown of their own settings: an outage may come next."""
    shown = getattr(response, "data", None)
    if isinstance(shown, Settings):
        memory.remember(shown.user_id, shown.region, shown.language)
