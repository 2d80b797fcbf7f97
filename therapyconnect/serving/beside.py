"""What the refusal of a request says besides its error, as the application wishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

import httptools

from therapyconnect.serving.answers import NOTHING, Header
from therapyconnect.serving.failures import log_failure

BesideRefusal = Callable[[str, str, str | None], Mapping[str, Any]]
"""`(method, path, authorization)` of a refused request to further JSON fields of the answer.

It is called on the loop, so it must not block, and is told what has arrived: a head may be cut
short.
"""


def nothing_beside(method: str, path: str, authorization: str | None) -> Mapping[str, Any]:
    """The error alone."""
    return NOTHING


def beside(
    wish: BesideRefusal, method: bytes | str, url: bytes, headers: Iterable[Header]
) -> Mapping[str, Any]:
    """The fields that `wish` has for this request; none where it fails or `url` is no URL.

    Two `authorization` headers are none: nobody can say which one is meant.
    """
    tokens = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
    try:
        path = unquote((httptools.parse_url(url).path or b"").decode("latin-1"))
        name = method if isinstance(method, str) else method.decode("ascii")
        return wish(name, path, tokens[0] if len(tokens) == 1 else None)
    except httptools.HttpParserError:
        return NOTHING
    except Exception as exc:
        log_failure("beside_refusal", exc)
        return NOTHING
