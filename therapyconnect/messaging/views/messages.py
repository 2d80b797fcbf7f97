"""Messages over REST."""

from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.errors import Invalid
from therapyconnect.core.pagination import Page, neighbour
from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.messages import (
    MessageFilters,
    message_detail,
    message_page,
    see,
)
from therapyconnect.messaging.services.requests import ReceiptKind
from therapyconnect.messaging.services.sending import mark_message, send_message
from therapyconnect.messaging.shapes import Message
from therapyconnect.messaging.views.amendments import AmendmentActions
from therapyconnect.messaging.views.pages import page_of
from therapyconnect.messaging.views.search import SearchActions
from therapyconnect.messaging.views.unread import UnreadActions
from therapyconnect.messaging.views.versions import HistoryActions

_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Alias of client_message_id; where both are given they must be equal.",
)
_HELLO = OpenApiExample(
    "A text",
    value={
        "chat_id": "CHAT_t_abc123_p_xyz789",
        "text": "Hello!",
        "message_type": "text",
        "client_message_id": "5c1c2a0e",
    },
    request_only=True,
)


class MessageViewSet(AmendmentActions, HistoryActions, SearchActions, UnreadActions):
    """What was said in the caller's chats."""

    @extend_schema(
        parameters=query_parameters(MessageFilters),
        responses=page_of(serializers.MessageListSerializer),
    )
    def list(self, request: Request) -> Response:
        """A page of a chat's history: newest first, or oldest first with `after_seq`."""
        filters = parse_query(MessageFilters, request.query_params)
        messages, more, direction = run(message_page(viewer=self.caller(request), filters=filters))
        page = Page(results=messages)
        if messages and more:
            edge = "before_seq" if direction == "older" else "after_seq"
            page.next = neighbour(request, **{edge: messages[-1].seq})
        page.previous = self._previous(request, filters, messages)
        return Response(page)

    @extend_schema(responses=serializers.MessageSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One message."""
        return Response(run(message_detail(viewer=self.caller(request), message_id=pk)))

    @extend_schema(
        request=serializers.MessageCreateSerializer,
        responses={200: serializers.SentMessageSerializer, 201: serializers.SentMessageSerializer},
        parameters=[_IDEMPOTENCY_KEY],
        examples=[_HELLO],
        operation_id="messages_create",
    )
    def create(self, request: Request) -> Response:
        """Send a message (the same as `send_message/`)."""
        return self._send(request)

    @extend_schema(
        request=serializers.MessageCreateSerializer,
        responses={200: serializers.SentMessageSerializer, 201: serializers.SentMessageSerializer},
        parameters=[_IDEMPOTENCY_KEY],
        examples=[_HELLO],
    )
    @action(detail=False, methods=["post"])
    def send_message(self, request: Request) -> Response:
        """Send a message: 201 once it is on disk; 200 where the same was sent before."""
        return self._send(request)

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.MessageSerializer)
    @action(detail=True, methods=["post"])
    def mark_read(self, request: Request, pk: str) -> Response:
        """Move the caller's read horizon up to and including this message."""
        return self._mark(request, pk, "read")

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.MessageSerializer)
    @action(detail=True, methods=["post"])
    def mark_delivered(self, request: Request, pk: str) -> Response:
        """Move the caller's delivered horizon up to and including this message."""
        return self._mark(request, pk, "delivered")

    def _send(self, request: Request) -> Response:
        body = self.body(request, serializers.MessageCreateSerializer)
        sent = send_message(
            sender=self.caller(request),
            chat_id=body.chat_id,
            text=body.text,
            message_type=body.message_type,
            emergency=body.emergency,
            reply_to=body.reply_to,
            client_message_id=self._client_message_id(request, body.client_message_id),
            attachment_id=body.attachment_id,
            payload=body.payload,
        )
        seen = see(sent.message, chat=sent.chat, viewer_id=self.caller(request).id)
        message = self.answered(request, seen, sent.alert)
        return Response(message, status=201 if sent.created else 200)

    def _client_message_id(self, request: Request, given: str | None) -> str | None:
        header = request.headers.get("Idempotency-Key")
        if not header:
            return given
        if len(header) > 64:
            raise Invalid("invalid", "At most 64 characters.", "Idempotency-Key")
        if given is not None and given != header:
            raise Invalid(
                "idempotency_keys_differ",
                "Idempotency-Key and client_message_id differ.",
                "client_message_id",
            )
        return header

    def _mark(self, request: Request, pk: str, kind: ReceiptKind) -> Response:
        self.body(request, serializers.NothingSerializer)
        mark_message(reader=self.caller(request), message_id=pk, kind=kind)
        return Response(run(message_detail(viewer=self.caller(request), message_id=pk)))

    def _previous(
        self, request: Request, filters: MessageFilters, messages: Sequence[Message]
    ) -> str | None:
        """The way back: from an older page the newer messages, and the other way round."""
        if not messages:
            return None
        if filters.before_seq is not None and filters.after_seq is None:
            return neighbour(request, before_seq=None, after_seq=messages[0].seq)
        if filters.after_seq and filters.before_seq is None:
            return neighbour(request, after_seq=None, before_seq=messages[0].seq)
        return None
