"""The one place that asks what time it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta

At = Annotated[datetime, Meta(tz=True)]
"""A moment on the wire: RFC 3339 with an offset."""


def now() -> datetime:
    """The present, in UTC, with microseconds."""
    return datetime.now(UTC)
