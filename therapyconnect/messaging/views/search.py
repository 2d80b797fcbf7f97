"""Search over REST: a part of the message routes."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.pagination import Page, encode_cursor, neighbour
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.search import SearchFilters
from therapyconnect.messaging.services import searching
from therapyconnect.messaging.services.chats import refuse_admin
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import page_of


class SearchActions(PrincipalViewSet):
    """Look for words in the caller's own chats."""

    @extend_schema(
        parameters=query_parameters(SearchFilters),
        request=serializers.SearchSerializer,
        responses={200: page_of(serializers.MessageListSerializer)},
        examples=[
            OpenApiExample("Anywhere", value={"q": "appointment"}, request_only=True),
            OpenApiExample(
                "In one chat",
                value={"q": "breath", "chat_id": "CHAT_t_abc123_p_xyz789"},
                request_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"])
    def search(self, request: Request) -> Response:
        """Find messages by a part of their words, newest first; case and accents are ignored.

        The answer comes within a bounded time, so a page may be short, or even empty, where there
        is more: as long as `next` is given, send the same body there to go on. The words are in
        the body because addresses end up in logs.
        """
        caller = self.caller(request)
        refuse_admin(caller)
        body = self.body(request, serializers.SearchSerializer)
        filters = parse_query(SearchFilters, request.query_params)
        found = searching.search(viewer=caller, q=body.q, chat_id=body.chat_id, filters=filters)
        page = Page(results=found.messages)
        if found.next is not None:
            page.next = neighbour(request, cursor=encode_cursor(found.next))
        return Response(page)
