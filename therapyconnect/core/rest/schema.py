"""How structs and our errors appear in the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from msgspec import UNSET, UnsetType

_REF = "#/components/schemas/{name}"
_HTTP_ERRORS = {
    "400": "Malformed or invalid.",
    "401": "No valid token.",
    "403": "A participant may not do this one thing.",
    "404": "Not found, or not the caller's.",
    "409": "Conflict.",
    "413": "The body is too large.",
    "415": "Not a type that is read here.",
    "422": "A file that is empty, damaged or locked.",
    "429": "Too many requests; see Retry-After.",
    "503": "The database is away; see Retry-After.",
}


class ErrorItem(msgspec.Struct):
    code: str
    detail: str
    attr: str | None


class CrisisResource(msgspec.Struct):
    """One service to turn to. `text` says how to write to it; `region` is "" where neutral."""

    # Told here by its shape alone: whom it names is decided in a room above this one.
    name: str
    phone: str | None
    text: str | None
    url: str | None
    region: str
    hours: str | None


class Error(msgspec.Struct):
    """What every error answers.

    `crisis_resources`: only where a patient's emergency is refused, whom they can turn to instead.
    """

    type: str
    errors: list[ErrorItem]
    request_id: str
    crisis_resources: list[CrisisResource] | UnsetType = UNSET


class StructSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """The JSON schema of a struct, as msgspec gives it."""

    target_class = "therapyconnect.core.rest.serializers.StructSerializer"
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.struct.__name__)

    def get_identity(self, auto_schema: Any, direction: Any) -> str:
        # Serializers over one struct are one component, and so is the struct inside another.
        return str(self.target.struct.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        struct = self.target.struct
        _, components = msgspec.json.schema_components((struct,), ref_template=_REF)
        own: dict[str, Any] = components.pop(struct.__name__)
        for name, schema in components.items():
            component = ResolvedComponent(  # type: ignore[no-untyped-call]
                name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
            )
            auto_schema.registry.register_on_missing(component)
        return own


def query_parameters(struct: type[msgspec.Struct]) -> list[OpenApiParameter]:
    """The query parameters that `parse_query(struct, …)` reads."""
    (_, components) = msgspec.json.schema_components((struct,), ref_template=_REF)
    own: dict[str, Any] = components[struct.__name__]
    return [
        OpenApiParameter(
            name=name,
            type={k: v for k, v in schema.items() if k not in ("default", "description")},
            location=OpenApiParameter.QUERY,
            required=name in own.get("required", []),
            description=schema.get("description", ""),
        )
        for name, schema in own["properties"].items()
    ]


def finish_document(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Give every operation the error answers that any of them may have."""
    _, components = msgspec.json.schema_components((Error,), ref_template=_REF)
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in components.items():
        schemas.setdefault(name, schema)
    for schema in schemas.values():
        # What a fuller role gets also fits the shorter shape, so "exactly one of" never held.
        if "oneOf" in schema:
            schema["anyOf"] = schema.pop("oneOf")
        # An answer always has the fields that have a default; a (closed) request may lack them.
        if "properties" in schema and schema.get("additionalProperties") is not False:
            always = {name for name, field in schema["properties"].items() if "default" in field}
            schema["required"] = sorted({*schema.get("required", ()), *always})
    body = {"application/json": {"schema": {"$ref": _REF.format(name="Error")}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            responses = operation["responses"]
            for status, description in _HTTP_ERRORS.items():
                if status == "409" and method == "get":
                    continue
                responses.setdefault(status, {"description": description, "content": body})
    return result
