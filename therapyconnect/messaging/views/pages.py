"""How a page of a list, and what an administrator gets in its place, appear in the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_serializer
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.pagination import Page, encode_cursor, neighbour
from therapyconnect.core.rest.serializers import StructSerializer


def page_of(serializer: type[StructSerializer]) -> type[StructSerializer]:
    """An answer `{"results": [...], "next", "previous"}` of the serializer's structs."""
    item: Any = serializer.struct
    struct = msgspec.defstruct(
        f"{item.__name__}Page",
        [("results", list[item]), ("next", str | None), ("previous", str | None)],
    )
    made = type(f"{item.__name__}PageSerializer", (StructSerializer,), {"struct": struct})
    # Else drf-spectacular makes an array of pages of it.
    return extend_schema_serializer(many=False)(made)


def either(name: str, *serializers: type[StructSerializer]) -> PolymorphicProxySerializer:
    """An answer that depends on the caller's role."""
    return PolymorphicProxySerializer(
        component_name=name,
        serializers=[*serializers],  # type: ignore[list-item]
        resource_type_field_name=None,
        many=False,
    )


def cursor_page(
    request: Request, results: Sequence[Any], *, next: Any = None, previous: Any = None
) -> Response:
    """A page with the addresses of its neighbours, where their cursors are given."""
    return Response(
        Page(
            results=list(results),
            next=neighbour(request, cursor=encode_cursor(next)) if next is not None else None,
            previous=(
                neighbour(request, cursor=encode_cursor(previous)) if previous is not None else None
            ),
        )
    )
