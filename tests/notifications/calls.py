"""Calls that check themselves."""

from __future__ import annotations

from typing import Any

import httpx

from tests.api.calls import ok

FIELDS = {"id", "kind", "level", "title", "body", "created_at", "read_at"}


def write(admin: httpx.Client, *user_ids: str, **fields: Any) -> dict[str, Any]:
    """What the administrator wrote to them."""
    body = {"user_ids": list(user_ids), "title": "Hello", **fields}
    found: dict[str, Any] = ok(admin.post("notifications/", json=body), 201)
    return found


def own(api: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    """A page of the caller's own."""
    found: list[dict[str, Any]] = ok(api.get("notifications/", params=query))["results"]
    return found
