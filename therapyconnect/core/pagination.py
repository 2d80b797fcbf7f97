"""Keyset pages: `{"results", "next", "previous"}`, default 50, at most 200.

A page's neighbours are given as URLs that keep the caller's own filters.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import msgspec
from django.http import HttpRequest
from msgspec import Meta

from therapyconnect.core.errors import Invalid

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]


class Page(msgspec.Struct):
    """One page of a list."""

    results: list[Any]
    next: str | None = None
    previous: str | None = None


class Cursor(msgspec.Struct, array_like=True):
    """A place in a list ordered by time, then id; `back` reads towards its start."""

    at: datetime
    id: str
    back: bool = False


def encode_cursor(cursor: msgspec.Struct) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def decode_cursor(text: str) -> Cursor:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise Invalid("invalid_cursor", "Not a cursor of this list.", "cursor") from None
    # As we write them: UTC, and a time that PostgreSQL can hold.
    utc = cursor.at.utcoffset() == timedelta(0)
    if not utc or not 1970 <= cursor.at.year < 9999 or "\x00" in cursor.id:
        raise Invalid("invalid_cursor", "Not a cursor of this list.", "cursor")
    return cursor


def neighbour(request: HttpRequest, **changes: Any) -> str:
    """The address of this request with some query parameters changed (None: removed)."""
    query = request.GET.copy()
    _change(query, changes)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def _change(query: Any, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if value is None:
            query.pop(name, None)
        else:
            query[name] = str(value)
