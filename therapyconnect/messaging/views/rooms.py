"""Rooms over REST."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.rooms import RoomFilters, room_detail, room_page
from therapyconnect.messaging.services.rooms import change_room, open_room
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import cursor_page, page_of


class ChatRoomViewSet(PrincipalViewSet):
    """The room of each chat: what it is for, who may send, who may see what was said before."""

    @extend_schema(
        parameters=query_parameters(RoomFilters),
        responses=page_of(serializers.ChatRoomListSerializer),
    )
    def list(self, request: Request) -> Response:
        """List the rooms of the caller's chats, newest first; an administrator gets all."""
        filters = parse_query(RoomFilters, request.query_params)
        page = run(room_page(viewer=self.caller(request), filters=filters))
        return cursor_page(request, page.items, next=page.next, previous=page.previous)

    @extend_schema(responses=serializers.ChatRoomSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One room, with its permissions."""
        return self._room(request, pk)

    @extend_schema(
        request=serializers.RoomUpdateSerializer,
        responses=serializers.ChatRoomSerializer,
        examples=[
            OpenApiExample(
                "What it is for",
                value={
                    "room_type": "consultation",
                    "description": "Every second Tuesday.",
                    "tags": ["sleep", "anxiety"],
                },
                request_only=True,
            )
        ],
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change type, description or tags. The chat's therapist, or an administrator."""
        body = self.body(request, serializers.RoomUpdateSerializer)
        change_room(caller=self.caller(request), room_id=pk, change=body)
        return self._room(request, pk)

    @extend_schema(
        request=serializers.RoomPermissionsSerializer,
        responses=serializers.ChatRoomSerializer,
        examples=[
            OpenApiExample(
                "Both may do all",
                value={
                    "therapist_can_send": True,
                    "patient_can_send": True,
                    "therapist_can_see_history": True,
                    "patient_can_see_history": True,
                },
                request_only=True,
            )
        ],
    )
    @action(detail=True, methods=["post"])
    def update_permissions(self, request: Request, pk: str) -> Response:
        """Set who may send and who may see history. The chat's therapist, or an administrator.

        Withdrawing `…_can_see_history` hides from that role all that was said up to now; what
        comes after is seen. Granting it again shows all.
        """
        body = self.body(request, serializers.RoomPermissionsSerializer)
        change_room(caller=self.caller(request), room_id=pk, change=body)
        return self._room(request, pk)

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.ChatRoomSerializer)
    @action(detail=True, methods=["post"])
    def archive_room(self, request: Request, pk: str) -> Response:
        """Archive the room: nobody sends. The chat's therapist, or an administrator."""
        return self._open(request, pk, is_open=False)

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.ChatRoomSerializer)
    @action(detail=True, methods=["post"])
    def activate_room(self, request: Request, pk: str) -> Response:
        """Open an archived room again. The chat's therapist, or an administrator."""
        return self._open(request, pk, is_open=True)

    def _open(self, request: Request, pk: str, *, is_open: bool) -> Response:
        self.body(request, serializers.NothingSerializer)
        open_room(caller=self.caller(request), room_id=pk, is_open=is_open)
        return self._room(request, pk)

    def _room(self, request: Request, pk: str) -> Response:
        return Response(run(room_detail(viewer=self.caller(request), room_id=pk)))
