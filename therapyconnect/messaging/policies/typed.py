"""Payloads with a fixed shape: a struct's fields read one by one, so that every wrong one is named.

Nothing here knows what a payload means; `appointments` and `prescriptions` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import msgspec

from therapyconnect.core.errors import Invalid, Problem
from therapyconnect.core.text import encodable

ATTR = "payload"


class Fields(NamedTuple):
    """The fields that are right, by name, and what is wrong with the others."""

    values: dict[str, Any]
    problems: list[Problem]


def required_payload(payload: dict[str, Any] | None, message_type: str) -> dict[str, Any]:
    """The payload, or `Invalid` where this type of message has none."""
    if payload is None:
        detail = f"A message of type {message_type} needs a payload."
        raise Invalid("payload_required", detail, ATTR)
    return payload


def read_fields(
    struct: type[msgspec.Struct], data: Mapping[str, Any], *, attr: str = ATTR
) -> Fields:
    """The fields of `struct` in `data`, those of nested structs too; absent ones are left out.

    An unknown field, a missing one, a wrong type, a blank required text, a NUL: each is a problem
    under `attr.field`. No problem repeats a value.
    """
    values: dict[str, Any] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    problems = [
        Problem("unknown_field", "No such field.", f"{attr}.{_printable(name)}")
        for name in data
        if name not in fields
    ]
    for name, field in fields.items():
        here = f"{attr}.{name}"
        if name not in data:
            if field.required:
                problems.append(Problem("required", "This field is required.", here))
            continue
        value = data[name]
        inner = _struct_of(field.type)
        if inner is not None and isinstance(value, dict):
            nested = read_fields(inner, value, attr=here)
            problems += nested.problems
            if not nested.problems:
                values[name] = inner(**nested.values)
            continue
        problem = text_problem(value, attr=here)
        if problem is None:
            try:
                values[name] = msgspec.convert(value, field.type)
            except msgspec.ValidationError as error:
                problem = Problem("invalid", _plain(str(error)), here)
        if problem is None and field.required and isinstance(value, str) and value.isspace():
            problem = Problem("blank", "The text is only white space.", here)
        if problem is not None:
            problems.append(problem)
    return Fields(values, problems)


def text_problem(value: Any, *, attr: str) -> Problem | None:
    """Why a text anywhere in `value`, keys too, can't be kept: a NUL, or not valid Unicode.

    Level by level, so that its depth is never ours.
    """
    layer = [value]
    while layer:
        inner: list[Any] = []
        for item in layer:
            if isinstance(item, str):
                if "\x00" in item:
                    return Problem("null_character", "A text holds a NUL character.", attr)
                if not encodable(item):
                    return Problem("invalid", "A text is not valid Unicode.", attr)
            elif isinstance(item, dict):
                inner += item.keys()
                inner += item.values()
            elif isinstance(item, list):
                inner += item
        layer = inner
    return None


def _printable(name: str) -> str:
    """A client's own field name, as an answer can carry it."""
    return name[:64].encode("utf-8", "replace").decode()


def _struct_of(annotation: Any) -> type[msgspec.Struct] | None:
    """The struct that a field holds, also where it may be null."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, msgspec.Struct):
            return part
    return None


def _plain(message: str) -> str:
    """msgspec's sentence, without the offending value that some of them quote."""
    if message.startswith("Invalid enum value"):
        return "Not one of the allowed values."
    return message.split(" - at `")[0].replace("`", "") + "."
