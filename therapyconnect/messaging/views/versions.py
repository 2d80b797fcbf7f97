"""A message's earlier versions over REST: a part of the message routes."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.pagination import Page, neighbour
from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.versions import VersionFilters, version_page
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import page_of


class HistoryActions(PrincipalViewSet):
    """What a message said before."""

    @extend_schema(
        parameters=query_parameters(VersionFilters),
        responses=page_of(serializers.MessageVersionSerializer),
    )
    @action(detail=True, methods=["get"])
    def history(self, request: Request, pk: str) -> Response:
        """List what the message said before its edits, oldest first; nothing once deleted."""
        filters = parse_query(VersionFilters, request.query_params)
        found = run(version_page(viewer=self.caller(request), message_id=pk, filters=filters))
        page = Page(results=found.versions)
        if found.versions and found.later:
            last = found.versions[-1].version
            page.next = neighbour(request, before_version=None, after_version=last)
        if found.versions and found.earlier:
            first = found.versions[0].version
            page.previous = neighbour(request, after_version=None, before_version=first)
        return Response(page)
