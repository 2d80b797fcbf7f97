"""What is wrong with a body is told without repeating any of it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from therapyconnect.core.errors import Invalid
from therapyconnect.core.rest.serializers import parse_struct

SECRET = "what a patient wrote"


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    kind: Literal["a", "b"] = "a"
    size: int = 0


class _Round(msgspec.Struct, tag="round"):
    pass


class _Outer(msgspec.Struct):
    inner: _Inner | None = None
    several: list[_Inner] = []
    sizes: dict[str, int] = {}
    shape: _Round | None = None


@pytest.mark.parametrize(
    "body",
    [
        {"inner": {SECRET: 1}},
        {"inner": {f"x` - at `{SECRET}": 1}},
        {"several": [{}, {SECRET: 1}]},
        {"inner": {"kind": SECRET}},
        {"inner": {"size": SECRET}},
        {"sizes": {SECRET: "x"}},
        {"sizes": {SECRET: SECRET}},
        {"shape": {"type": SECRET}},
        {"shape": {"type": f"'{SECRET}' - at `"}},
        {"inner": SECRET},
    ],
)
def test_no_nested_name_and_no_value_is_echoed(body: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as raised:
        parse_struct(_Outer, body)
    (problem,) = raised.value.problems
    assert (problem.code, problem.attr) == ("invalid", next(iter(body)))
    assert SECRET not in problem.detail
    assert problem.detail.endswith(".")
    assert "`" not in problem.detail
