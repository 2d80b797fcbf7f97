"""Unread messages over REST: a part of the message routes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.unread import UnreadFilters, unread_page
from therapyconnect.messaging.services.chats import refuse_admin
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import cursor_page, page_of


class UnreadActions(PrincipalViewSet):
    """What the caller has not read yet."""

    @extend_schema(
        parameters=query_parameters(UnreadFilters),
        responses=page_of(serializers.MessageListSerializer),
    )
    @action(detail=False, methods=["get"])
    def get_unread_messages(self, request: Request) -> Response:
        """List the caller's unread messages of one chat or of all chats, newest first."""
        caller = self.caller(request)
        refuse_admin(caller)
        filters = parse_query(UnreadFilters, request.query_params)
        page = run(unread_page(viewer=caller, filters=filters))
        return cursor_page(request, page.items, next=page.next, previous=page.previous)
