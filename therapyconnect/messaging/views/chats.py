"""Chats over REST."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.chats import (
    ChatFilters,
    ChatPage,
    admin_chat_detail,
    admin_chat_page,
    chat_detail,
    chat_for_both,
)
from therapyconnect.messaging.selectors.events import EventFilters, resume
from therapyconnect.messaging.selectors.priority import ordered_page
from therapyconnect.messaging.services.changing import update_status
from therapyconnect.messaging.services.chats import (
    create_or_get_chat,
    mark_unread,
    refuse_admin,
    set_notifications,
    with_presence,
)
from therapyconnect.messaging.services.sending import mark_all_read
from therapyconnect.messaging.shapes import ChatStatus
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import cursor_page, either, page_of

_PAIR = OpenApiExample(
    "A pair",
    value={"therapist_id": "t_abc123", "patient_id": "p_xyz789"},
    request_only=True,
)


_CHAT_PAGE = page_of(serializers.ChatListSerializer)
# An administrator gets ids, status and room in the place of a chat.
_CHAT_OR_ADMINS = either(
    "ChatOrAdminChat", serializers.ChatSerializer, serializers.AdminChatSerializer
)


class ChatViewSet(PrincipalViewSet):
    """A participant's chats. An administrator sees ids, status and rooms, and no word."""

    @extend_schema(
        parameters=query_parameters(ChatFilters),
        responses=either(
            "ChatPageOrAdminChatPage", _CHAT_PAGE, page_of(serializers.AdminChatSerializer)
        ),
    )
    def list(self, request: Request) -> Response:
        """List the caller's chats: latest activity first, or those that need a person first."""
        filters = parse_query(ChatFilters, request.query_params)
        if self.caller(request).role == "admin":
            return self._page(request, run(admin_chat_page(filters=filters)))
        return self._page(request, run(ordered_page(viewer=self.caller(request), filters=filters)))

    @extend_schema(
        parameters=query_parameters(ChatFilters),
        responses=_CHAT_PAGE,
    )
    @action(detail=False, methods=["get"])
    def get_user_chats(self, request: Request) -> Response:
        """List all of the caller's chats that are not deleted."""
        refuse_admin(self.caller(request))
        filters = parse_query(ChatFilters, request.query_params)
        return self._page(request, run(ordered_page(viewer=self.caller(request), filters=filters)))

    @extend_schema(responses=_CHAT_OR_ADMINS)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One chat, with its other participant, receipts and room."""
        if self.caller(request).role == "admin":
            return Response(run(admin_chat_detail(chat_id=pk)))
        return Response(with_presence(run(chat_detail(viewer=self.caller(request), chat_id=pk))))

    @extend_schema(
        request=serializers.ChatCreateSerializer,
        responses={200: _CHAT_OR_ADMINS, 201: _CHAT_OR_ADMINS},
        examples=[_PAIR],
    )
    @action(detail=False, methods=["post"])
    def create_or_get_chat(self, request: Request) -> Response:
        """The pair's chat: 201 where it was made now, else 200."""
        body = self.body(request, serializers.ChatCreateSerializer)
        chat_id, created = create_or_get_chat(
            caller=self.caller(request), therapist_id=body.therapist_id, patient_id=body.patient_id
        )
        answer = self.retrieve(request, chat_id)
        answer.status_code = 201 if created else 200
        return answer

    @extend_schema(
        request=serializers.NotificationPreferenceSerializer,
        responses=serializers.ChatSerializer,
        examples=[
            OpenApiExample("Mute", value={"notifications_enabled": False}, request_only=True)
        ],
    )
    @action(detail=True, methods=["post"])
    def toggle_notifications(self, request: Request, pk: str) -> Response:
        """Set the caller's own notification preference for this chat."""
        body = self.body(request, serializers.NotificationPreferenceSerializer)
        set_notifications(
            caller=self.caller(request), chat_id=pk, enabled=body.notifications_enabled
        )
        return Response(with_presence(run(chat_detail(viewer=self.caller(request), chat_id=pk))))

    @extend_schema(request=serializers.MarkAllReadSerializer, responses=serializers.ChatSerializer)
    @action(detail=True, methods=["post"])
    def mark_all_read(self, request: Request, pk: str) -> Response:
        """Move the caller's read horizon to `up_to_seq`, or as far as the chat goes."""
        body = self.body(request, serializers.MarkAllReadSerializer)
        mark_all_read(reader=self.caller(request), chat_id=pk, up_to_seq=body.up_to_seq)
        return Response(with_presence(run(chat_detail(viewer=self.caller(request), chat_id=pk))))

    @extend_schema(
        parameters=query_parameters(EventFilters),
        responses=OpenApiResponse(serializers.EventsSerializer),
    )
    @action(detail=True, methods=["get"])
    def events(self, request: Request, pk: str) -> Response:
        """Resume: every event of the chat after `after_seq`, in order."""
        filters = parse_query(EventFilters, request.query_params)
        return Response(
            run(
                resume(
                    viewer=self.caller(request),
                    chat_id=pk,
                    after_seq=filters.after_seq,
                    limit=filters.limit,
                )
            )
        )

    @extend_schema(
        request=serializers.StatusUpdateSerializer,
        responses=_CHAT_OR_ADMINS,
        examples=[OpenApiExample("Open", value={"status": "active"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def update_status(self, request: Request, pk: str) -> Response:
        """Archive, block, delete, or lift what the caller may; an administrator restores."""
        body = self.body(request, serializers.StatusUpdateSerializer)
        return self._with_status(request, pk, body.status)

    @extend_schema(responses={200: serializers.ChatSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete the chat: the same as the status `deleted`. An administrator can restore it."""
        return self._with_status(request, pk, "deleted")

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.ChatSerializer)
    @action(detail=True, methods=["post"])
    def mark_unread(self, request: Request, pk: str) -> Response:
        """Flag the chat as unread, for the caller alone, until they read on."""
        self.body(request, serializers.NothingSerializer)
        mark_unread(caller=self.caller(request), chat_id=pk)
        return self.retrieve(request, pk)

    def _with_status(self, request: Request, pk: str, status: ChatStatus) -> Response:
        caller = self.caller(request)
        changed = update_status(caller=caller, chat_id=pk, status=status)
        if caller.role == "admin":
            return Response(run(admin_chat_detail(chat_id=pk)))
        # Also of one that is deleted now: this is the last that its participants see of it.
        chat = run(chat_for_both(chat_id=changed.chat.id))[caller.id]
        return Response(with_presence(chat))

    def _page(self, request: Request, page: ChatPage) -> Response:
        return cursor_page(request, page.chats, next=page.next, previous=page.previous)
