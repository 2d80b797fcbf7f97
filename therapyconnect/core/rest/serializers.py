"""Serializers over msgspec structs: one definition is the REST shape, the frame and the schema.

A struct's types are strict (no `1` for `true`, no number for text), its constraints appear in the
OpenAPI document, and the same struct is embedded in socket frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import msgspec
from rest_framework import serializers

from therapyconnect.core.errors import Invalid, Problem

S = TypeVar("S", bound=msgspec.Struct)


def parse_struct(
    struct: type[S], data: Mapping[str, Any], *, strict: bool = True, ignore_unknown: bool = False
) -> S:
    """`data` as a `struct`, or `Invalid` naming every field that is wrong.

    `strict=False` reads numbers and booleans from text, as query parameters need.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    if not ignore_unknown:
        for name in data:
            if name not in fields:
                problems.append(Problem("unknown_field", "No such field.", name[:64]))
    for name, field in fields.items():
        if name not in data:
            if field.required:
                problems.append(Problem("required", "This field is required.", name))
            continue
        try:
            values[field.name] = msgspec.convert(data[name], field.type, strict=strict)
        except msgspec.ValidationError as error:
            problems.append(Problem("invalid", _plain(str(error)), name))
    if problems:
        raise Invalid.of(*problems)
    return struct(**values)


def _plain(message: str) -> str:
    """msgspec's sentence, without what came in, which some of them quote."""
    if message.startswith(("Invalid enum value", "Invalid value")):
        return "Not one of the allowed values."
    if message.startswith("Object contains unknown field"):
        return "It holds an unknown field."
    return message.split(" - at `")[0].replace("`", "") + "."


class StructSerializer(serializers.BaseSerializer[Any]):
    """A Django REST framework serializer whose fields are those of `struct`."""

    struct: ClassVar[type[msgspec.Struct]]

    def to_internal_value(self, data: Any) -> msgspec.Struct:
        if not isinstance(data, Mapping):
            raise Invalid("invalid", "The body must be a JSON object.")
        return parse_struct(self.struct, data)

    def to_representation(self, instance: Any) -> Any:
        return instance

    @classmethod
    def parse(cls, data: Any) -> Any:
        """The body of a request as this serializer's struct, or `Invalid`."""
        return cls().to_internal_value(data)


def parse_query(struct: type[S], query: Mapping[str, Any]) -> S:
    """Query parameters as a struct: empty ones count as absent, unknown ones are ignored."""
    lists = getattr(query, "lists", None)
    pairs = lists() if lists is not None else ((k, [v]) for k, v in query.items())
    names = {field.encode_name for field in msgspec.structs.fields(struct)}
    data: dict[str, Any] = {}
    for name, values in pairs:
        if name not in names:
            continue
        if len(values) != 1:
            raise Invalid("invalid", "This parameter may be given once.", name)
        if "\x00" in values[0]:  # PostgreSQL keeps none, so it can name nothing
            raise Invalid("invalid", "No parameter may hold NUL.", name)
        if values[0] != "":
            data[name] = values[0]
    return parse_struct(struct, data, strict=False, ignore_unknown=True)
