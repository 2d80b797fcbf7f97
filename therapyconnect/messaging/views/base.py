"""What every view of this room shares."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import viewsets
from rest_framework.request import Request

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.rest.serializers import StructSerializer
from therapyconnect.messaging.services.sending import check_identity


class PrincipalViewSet(viewsets.ViewSet):
    """Views whose caller is a `Principal`, and who never take another's word for who calls."""

    lookup_value_regex = r"[^/]+"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "\x00" in str(kwargs.get("pk", "")):  # PostgreSQL keeps none, so no row has such an id
            raise NotFound()
        check_identity(
            self.caller(request), *request.query_params.getlist("user_id"), attr="user_id"
        )

    def caller(self, request: Request) -> Principal:
        return cast(Principal, request.user)

    def body(self, request: Request, serializer: type[StructSerializer]) -> Any:
        """The request's body as the serializer's struct, its claims of identity checked."""
        body = serializer.parse(request.data)
        for attr in ("user_id", "sender_id"):
            check_identity(self.caller(request), getattr(body, attr, None), attr=attr)
        return body
