"""Answers of the server, read: what it said, or the error that it is."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec

from therapyconnect_client.errors import ApiError, error_of
from therapyconnect_client.shapes import CrisisResource


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    try:
        found = msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def retry_after_of(value: str | None) -> float | None:
    """Seconds; a date, which our server does not send, counts as nothing."""
    try:
        return None if value is None else max(0.0, float(value))
    except ValueError:
        return None


def api_error(answer: httpx.Response) -> ApiError:
    """The error that an answer is. What stands between us and the server may have made it."""
    body = body_of(answer)
    errors = body.get("errors")
    first: dict[str, Any] = errors[0] if isinstance(errors, list) and errors else {}
    try:
        resources = msgspec.convert(body.get("crisis_resources") or (), tuple[CrisisResource, ...])
    except msgspec.ValidationError:
        resources = ()
    return error_of(
        answer.status_code,
        code=str(first.get("code") or f"http_{answer.status_code}"),
        detail=str(first.get("detail") or first.get("message") or ""),
        attr=first.get("attr") or first.get("param"),
        request_id=body.get("request_id") or answer.headers.get("x-request-id"),
        retry_after=retry_after_of(answer.headers.get("retry-after")),
        crisis_resources=resources,
    )
