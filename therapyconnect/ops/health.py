"""Health: alive (the process answers) and ready (it can do its work)."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from therapyconnect.core.rest.errors import translate


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 while the process serves; asks nothing of the database."""
    return JsonResponse({"status": "live"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 once the database answers, 503 with `Retry-After` while it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except Exception as error:
        if translate(error) is None:
            raise
        return JsonResponse(
            {"status": "unavailable", "database": "away"},
            status=503,
            headers={"Retry-After": "2"},
        )
    return JsonResponse({"status": "ready"})


_ROUTES = {"/health/live": live, "/health/ready": ready}


class HealthMiddleware:
    """Answers for the operator's probes, which call by address: before any check of the host."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = _ROUTES.get(request.path_info)
        return self.get_response(request) if view is None else view(request)
