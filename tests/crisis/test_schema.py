"""The API's document says that an error may hold crisis resources, in their very shape."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.harness.server import LiveServer
from therapyconnect.core.rest import schema
from therapyconnect.crisis.resources import CrisisResource


def test_the_error_of_the_document_may_have_resources(server: LiveServer) -> None:
    with server.api(None) as api:
        components: dict[str, Any] = api.get("schema/").json()["components"]["schemas"]
    error = components["Error"]
    assert set(error["required"]) == {"type", "errors", "request_id"}
    assert error["properties"]["crisis_resources"] == {
        "type": "array", "items": {"$ref": "#/components/schemas/CrisisResource"},
    }  # fmt: skip
    assert set(components["CrisisResource"]["properties"]) == set(CrisisResource.__struct_fields__)


def test_the_documents_shape_is_the_one_that_is_sent() -> None:
    """Two definitions, since one room may not import the other."""
    sent, told = (
        msgspec.json.schema_components((CrisisResource,)),
        msgspec.json.schema_components((schema.CrisisResource,)),
    )
    assert sent == told
