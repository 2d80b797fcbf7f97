"""Sessions without cookies, and strictness on allauth's routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse

from therapyconnect.accounts.session_store import SessionStore
from therapyconnect.core.errors import Problem
from therapyconnect.core.rest.errors import error_response, translate
from therapyconnect.core.rest.parsers import parse_json

_AUTH_ROUTES = "/_allauth/"
_RETRY_SECONDS = "60"

Handler = Callable[[HttpRequest], HttpResponse]


class SessionMiddleware:
    """An empty session for every request, as Django's log-in and allauth expect one.

    No cookie is read and none is set: a session comes only from a header that a browser never
    sends by itself, so there is nothing to forge across sites and no cookie to steal.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.session = SessionStore()
        return self.get_response(request)


class AuthRoutesMiddleware:
    """On allauth's routes: strict JSON in, `Retry-After` on 429, no 500 from what can be told."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(_AUTH_ROUTES):
            return self.get_response(request)
        problem = _refuse_body(request)
        if problem is not None:
            return problem
        response = self.get_response(request)
        if response.status_code == 429 and not response.has_header("Retry-After"):
            response["Retry-After"] = _RETRY_SECONDS
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not request.path_info.startswith(_AUTH_ROUTES):
            return None
        if isinstance(error, UpdateError):  # the session was ended while this request ran
            return error_response(request, 401, Problem("not_authenticated", "No valid token."))
        domain = translate(error)
        if domain is None or domain.status == 500:
            return None
        response = error_response(request, domain.status, domain.problems[0])
        if domain.retry_after is not None:
            response["Retry-After"] = str(domain.retry_after)
        return response


def _refuse_body(request: HttpRequest) -> HttpResponse | None:
    """allauth's own reading takes duplicate keys, lone surrogates and endless nesting."""
    if not request.body:
        return None
    if request.content_type != "application/json":
        return error_response(
            request, 415, Problem("unsupported_media_type", "Send application/json.")
        )
    try:
        value = parse_json(request.body)
    except ValueError:
        return error_response(request, 400, Problem("parse_error", "The body is not valid JSON."))
    if not isinstance(value, dict):
        return error_response(request, 400, Problem("invalid", "The body must be a JSON object."))
    if _holds_nul(value):
        return error_response(request, 400, Problem("invalid", "No text may hold NUL."))
    return None


def _holds_nul(value: Any) -> bool:
    """PostgreSQL keeps no NUL in text or JSON."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)
