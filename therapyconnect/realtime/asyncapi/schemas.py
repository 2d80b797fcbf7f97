"""JSON schemas of the frames, as msgspec gives them, and as they are on the wire."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import msgspec

Schema = dict[str, Any]
_REF = "#/components/schemas/{name}"


def ref_to(name: str) -> Schema:
    return {"$ref": _REF.format(name=name)}


def schemas_of(kinds: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """The schema of each struct, and of each struct inside it, by the struct's name."""
    _, found = msgspec.json.schema_components(list(kinds), ref_template=_REF)
    return {name: _as_on_the_wire(found[name]) for name in sorted(found)}


def _as_on_the_wire(schema: Schema) -> Schema:
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    properties: dict[str, Schema] = schema.get("properties", {})
    for name, own in properties.items():
        properties[name] = _without_raw(own)
    if schema.get("additionalProperties") is not False:
        # The server leaves out only what is unset: a default of ours is there like the rest.
        always = {name for name, own in properties.items() if "default" in own}
        always.update(schema.get("required", ()))
        schema["required"] = [name for name in properties if name in always]
        for own in properties.values():
            own.pop("default", None)
    return schema


def _without_raw(schema: Schema) -> Schema:
    """What was encoded before is of the type beside it, and not of any type."""
    return _without(schema, {})


def not_null(schema: Schema) -> Schema:
    """The field's schema where it must be given."""
    found = _without(schema, {"type": "null"})
    return {key: value for key, value in found.items() if key != "default"}


def _without(schema: Schema, unwanted: Schema) -> Schema:
    choices = schema.get("anyOf", [])
    left = [choice for choice in choices if choice != unwanted]
    if left == choices:
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**left[0], **rest} if len(left) == 1 else {**rest, "anyOf": left}


def told_of(kind: type) -> tuple[str, str]:
    """`(summary, the rest)` of a frame: the first paragraph of its docstring, and what follows.

    The docstring must be its own; ValueError where it has none.
    """
    text = kind.__dict__.get("__doc__")
    if not text:
        raise ValueError(f"{kind.__name__} has no docstring")
    first, _, rest = inspect.cleandoc(text).partition("\n\n")
    return first.replace("\n", " "), rest
