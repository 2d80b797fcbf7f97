"""One shape for every error: `{"type", "errors": [{"code", "detail", "attr"}], "request_id"}`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg
import structlog
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import DatabaseError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions
from rest_framework.response import Response

from therapyconnect.core.errors import (
    DomainError,
    NotFound,
    Problem,
    RangeNotSatisfiable,
    Unavailable,
)
from therapyconnect.core.rest.renderers import MsgspecRenderer

log = structlog.get_logger("therapyconnect.rest")

_CODES = {
    exceptions.ParseError: ("parse_error", "The body is not valid JSON."),
    exceptions.NotAuthenticated: ("not_authenticated", "No valid token."),
    exceptions.AuthenticationFailed: ("not_authenticated", "No valid token."),
    exceptions.PermissionDenied: ("permission_denied", "You may not do this."),
    exceptions.NotFound: ("not_found", "Not found."),
    exceptions.MethodNotAllowed: ("method_not_allowed", "This method is not allowed here."),
    exceptions.NotAcceptable: ("not_acceptable", "Answers are application/json."),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", "Not a type that is read here."),
    exceptions.Throttled: ("throttled", "Too many requests."),
}


def error_body(status: int, problems: Sequence[Problem], request_id: str | None) -> dict[str, Any]:
    """The body of an error answer with HTTP status `status`."""
    kind = "server_error" if status >= 500 else "client_error"
    if status == 400:
        kind = "validation_error"
    return {
        "type": kind,
        "errors": [{"code": p.code, "detail": p.detail, "attr": p.attr} for p in problems],
        "request_id": request_id or uuid.uuid4().hex,
    }


def translate(error: Exception) -> DomainError | None:
    """The domain error that an infrastructure error amounts to, or None where it is a bug."""
    if isinstance(error, DomainError):
        return error
    if isinstance(error, (OperationalError, psycopg.OperationalError, PoolTimeout, TimeoutError)):
        return Unavailable()
    if isinstance(error, (DatabaseError, psycopg.DatabaseError)) and _gone(error):
        return Unavailable()
    if isinstance(error, Http404):
        return NotFound()
    return None


def _gone(error: Exception) -> bool:
    """True where the server closed or refused the connection in words other than its class."""
    cause = error.__cause__ if error.__cause__ is not None else error
    return isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Django REST framework's hook."""
    request = context.get("request")
    request_id = getattr(getattr(request, "_request", request), "request_id", None)
    headers: dict[str, str] = {}
    domain = translate(error)
    if domain is not None:
        status, problems = domain.status, domain.problems
        if domain.retry_after is not None:
            headers["Retry-After"] = str(domain.retry_after)
        if isinstance(domain, RangeNotSatisfiable):
            headers["Content-Range"] = f"bytes */{domain.size}"
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, exceptions.APIException):
        status = error.status_code
        code, detail = _CODES.get(type(error), (error.default_code, "The request was refused."))
        problems = (Problem(code, detail),)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, PermissionDenied):
        status, problems = 403, (Problem("permission_denied", "You may not do this."),)
    else:
        return None
    return Response(error_body(status, problems, request_id), status=status, headers=headers)


def error_response(request: HttpRequest, status: int, problem: Problem) -> HttpResponse:
    """The same shape for what fails outside of a view (Django's own handlers)."""
    body = error_body(status, [problem], getattr(request, "request_id", None))
    return HttpResponse(
        MsgspecRenderer().render(body), status=status, content_type="application/json"
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, 404, Problem("not_found", "Not found."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SuspiciousOperation) and "TooBig" in type(exception).__name__:
        return error_response(request, 413, Problem("payload_too_large", "The body is too large."))
    return error_response(request, 400, Problem("bad_request", "The request is malformed."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, 403, Problem("permission_denied", "You may not do this."))


def server_error(request: HttpRequest) -> HttpResponse:
    return error_response(request, 500, Problem("server_error", "The server made a mistake."))
