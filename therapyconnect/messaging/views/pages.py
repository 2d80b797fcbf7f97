"""How a page of a list appears in the OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse

from therapyconnect.core.rest.serializers import StructSerializer


def page_of(serializer: type[StructSerializer]) -> OpenApiResponse:
    """A response `{"results": [...], "next", "previous"}` of the serializer's structs."""
    item: Any = serializer.struct
    struct = msgspec.defstruct(
        f"{item.__name__}Page",
        [("results", list[item]), ("next", str | None), ("previous", str | None)],
    )
    made = type(f"{item.__name__}PageSerializer", (StructSerializer,), {"struct": struct})
    return OpenApiResponse(made)
