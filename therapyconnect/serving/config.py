"""uvicorn's configuration, and what our protocols need besides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvicorn

from therapyconnect.serving.beside import BesideRefusal, nothing_beside
from therapyconnect.serving.limits import Limits
from therapyconnect.serving.push import Flusher

BodyLimit = Callable[[str, str], int]
"""`(method, path)` to the largest body accepted there, in bytes."""

Always = Callable[[str], bool]
"""`(path)` to whether it is answered however much is under way."""

DEFAULT_BODY_BYTES = 2 * 1024 * 1024


def default_body_limit(method: str, path: str) -> int:
    """2 MiB everywhere."""
    return DEFAULT_BODY_BYTES


def never(path: str) -> bool:
    """No path goes first."""
    return False


class ServingConfig(uvicorn.Config):
    """A `uvicorn.Config` that also carries our limits; the protocols read them from here."""

    def __init__(
        self,
        app: Any,
        *,
        limits: Limits | None = None,
        body_limit: BodyLimit = default_body_limit,
        beside_refusal: BesideRefusal = nothing_beside,
        always: Always = never,
        **options: Any,
    ) -> None:
        self.limits = limits or Limits()
        self.body_limit = body_limit
        self.beside_refusal = beside_refusal
        self.always = always
        self.under_way = 0
        """Requests that are here whole, and not answered yet."""
        self.flusher = Flusher()
        super().__init__(app, **options)
