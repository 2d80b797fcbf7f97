"""Emergency alerts over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.emergencies import EmergencyFilters, emergency_page
from therapyconnect.messaging.services import emergencies
from therapyconnect.messaging.services.chats import refuse_admin
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import cursor_page, page_of


class EmergencyViewSet(PrincipalViewSet):
    """Calls for a person. Nothing here is said before it has happened."""

    @extend_schema(
        parameters=query_parameters(EmergencyFilters),
        responses=page_of(serializers.EmergencyAlertSerializer),
    )
    def list(self, request: Request) -> Response:
        """List the alerts of the caller's chats that are not resolved, newest first."""
        refuse_admin(self.caller(request))
        filters = parse_query(EmergencyFilters, request.query_params)
        page = run(emergency_page(viewer=self.caller(request), filters=filters))
        return cursor_page(request, page.items, next=page.next, previous=page.previous)

    @extend_schema(
        request=serializers.NothingSerializer, responses=serializers.EmergencyAlertSerializer
    )
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Take the alert: a person is there. The chat's therapist, also late."""
        self.body(request, serializers.NothingSerializer)
        return Response(emergencies.acknowledge(caller=self.caller(request), alert_id=pk))

    @extend_schema(
        request=serializers.NothingSerializer, responses=serializers.EmergencyAlertSerializer
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """End the alert: it is over. The chat's therapist."""
        self.body(request, serializers.NothingSerializer)
        return Response(emergencies.resolve(caller=self.caller(request), alert_id=pk))
