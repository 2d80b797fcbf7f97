"""JSON in, strictly: what two readers could read differently is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from therapyconnect.core.errors import Invalid


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _constant(_name: str) -> Any:
    raise ValueError("not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return value


def parse_json(raw: bytes) -> Any:
    """The value in `raw`, or `ValueError`: duplicate keys, NaN, 1e400, lone surrogates, too deep.

    A body is read once, as UTF-8; `RecursionError` bounds its depth.
    """
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
        )
        # A lone surrogate escape makes a string that no database or socket can carry.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("too deep") from None
    return value


class StrictJSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        raw = stream.read()
        try:
            value = parse_json(raw)
        except ValueError:
            raise ParseError("The body is not valid JSON.") from None
        if not isinstance(value, dict):
            raise Invalid("invalid", "The body must be a JSON object.")
        return value
