"""Notifications over REST: one's own list, read marks, and what an administrator writes."""

from __future__ import annotations

from typing import Any, cast

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.accounts.policies import check_own_id
from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.pagination import Cursor, encode_cursor, neighbour
from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.notifications import serializers
from therapyconnect.notifications.policies import check_author
from therapyconnect.notifications.selectors import notification_page
from therapyconnect.notifications.services import announce, mark_read
from therapyconnect.notifications.shapes import NotificationFilters, NotificationPage

_MAINTENANCE = OpenApiExample(
    "To everyone",
    value={
        "everyone": True,
        "title": "Maintenance on Sunday",
        "body": "Messages can't be sent between 02:00 and 03:00.",
        "level": "warning",
    },
    request_only=True,
)
_TO_SOME = OpenApiExample(
    "To some",
    value={"user_ids": ["t_abc123", "p_xyz789"], "title": "Your invoice is ready"},
    request_only=True,
)
_ONE = OpenApiExample(
    "From an administrator",
    value={
        "id": "NTF_5c1c2a0e9b7d4f3a8e6d1c20",
        "kind": "admin",
        "level": "warning",
        "title": "Maintenance on Sunday",
        "body": "Messages can't be sent between 02:00 and 03:00.",
        "created_at": "2026-03-01T09:00:00.123456Z",
        "read_at": "2026-03-01T09:12:30.654321Z",
    },
    response_only=True,
)


class NotificationViewSet(viewsets.ViewSet):
    """What an administrator or the server tells a person; never what was said in a chat."""

    lookup_value_regex = r"[^/]+"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "\x00" in str(kwargs.get("pk", "")):  # PostgreSQL keeps none, so no row has such an id
            raise NotFound()
        self._check_identity(request, *request.query_params.getlist("user_id"))

    @extend_schema(
        summary="The caller's own notifications",
        description="Newest first. Each was also pushed as `notification` to the user's sockets.",
        parameters=query_parameters(NotificationFilters),
        responses=serializers.NotificationPageSerializer,
    )
    def list(self, request: Request) -> Response:
        filters = parse_query(NotificationFilters, request.query_params)
        found = run(notification_page(viewer_id=self._caller(request).id, filters=filters))
        return Response(
            NotificationPage(
                results=found.notifications,
                next=_address(request, found.next),
                previous=_address(request, found.previous),
            )
        )

    @extend_schema(
        summary="Write a notification (administrators)",
        description=(
            "To some (`user_ids`) or to every active user (`everyone`), exactly one of the two. "
            "All get it, or nobody. It must be free of patient text."
        ),
        request=serializers.NotificationCreateSerializer,
        responses={201: serializers.AnnouncementSerializer},
        examples=[_MAINTENANCE, _TO_SOME],
        extensions={"x-roles": ["admin"]},
    )
    def create(self, request: Request) -> Response:
        check_author(self._caller(request).role)  # before the body: its faults are not theirs
        body = serializers.NotificationCreateSerializer.parse(request.data)
        return Response(announce(author=self._caller(request), text=body), status=201)

    @extend_schema(
        summary="Mark a notification as read",
        description="The time of the first reading stays; marking again changes nothing.",
        request=serializers.MarkReadSerializer,
        responses=serializers.NotificationSerializer,
        examples=[_ONE],
    )
    @action(detail=True, methods=["post"])
    def mark_read(self, request: Request, pk: str) -> Response:
        body = serializers.MarkReadSerializer.parse(request.data)
        self._check_identity(request, body.user_id)
        return Response(mark_read(reader_id=self._caller(request).id, notification_id=pk))

    def _caller(self, request: Request) -> Principal:
        return cast(Principal, request.user)

    def _check_identity(self, request: Request, *claimed: str | None) -> None:
        check_own_id(self._caller(request).id, *claimed, attr="user_id")


def _address(request: Request, cursor: Cursor | None) -> str | None:
    return None if cursor is None else neighbour(request, cursor=encode_cursor(cursor))
