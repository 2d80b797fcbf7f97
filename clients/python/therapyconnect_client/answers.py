"""Answers of the server, read: what it said, or the error that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from therapyconnect_client.errors import ApiError, error_of
from therapyconnect_client.shapes import CrisisResource


def body_of(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object of an answer; empty where it is none."""
    return _object_in(answer.content)


def _object_in(content: bytes | bytearray) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(content)
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
    """The error that an answer is."""
    return error_in(answer.status_code, answer.headers, answer.content)


def error_in(status: int, headers: Mapping[str, str], content: bytes | bytearray) -> ApiError:
    """The error that an answer is. What stands between us and the server may have made it.

    Ours names a code, or (allauth's) says its status again.
    """
    body = _object_in(content)
    errors = body.get("errors")
    found = errors[0] if isinstance(errors, list) and errors else None
    first: dict[str, Any] = found if isinstance(found, dict) else {}
    try:
        resources = msgspec.convert(body.get("crisis_resources") or (), tuple[CrisisResource, ...])
    except msgspec.ValidationError:
        resources = ()
    return error_of(
        status,
        ours="code" in first or body.get("status") == status,
        code=str(first.get("code") or f"http_{status}"),
        detail=str(first.get("detail") or first.get("message") or ""),
        attr=first.get("attr") or first.get("param"),
        request_id=body.get("request_id") or headers.get("x-request-id"),
        retry_after=retry_after_of(headers.get("retry-after")),
        crisis_resources=resources,
    )
