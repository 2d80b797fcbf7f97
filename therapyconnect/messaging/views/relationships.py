"""Care relationships over REST."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core.queries import run
from therapyconnect.core.rest.schema import query_parameters
from therapyconnect.core.rest.serializers import parse_query
from therapyconnect.messaging import serializers
from therapyconnect.messaging.policies.relationships import check_may_begin
from therapyconnect.messaging.selectors.relationships import CareFilters, care_page
from therapyconnect.messaging.services.relationships import begin_care, end_care
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.pages import cursor_page, page_of


class CareRelationshipViewSet(PrincipalViewSet):
    """Who cares for whom. Only a pair with an active relationship may write to each other."""

    @extend_schema(
        parameters=query_parameters(CareFilters),
        responses=page_of(serializers.CareRelationshipSerializer),
    )
    def list(self, request: Request) -> Response:
        """List the caller's care relationships, also ended ones; an administrator gets all."""
        filters = parse_query(CareFilters, request.query_params)
        page = run(care_page(viewer=self.caller(request), filters=filters))
        return cursor_page(request, page.items, next=page.next, previous=page.previous)

    @extend_schema(
        request=serializers.CareBeginSerializer,
        responses={201: serializers.CareRelationshipSerializer},
        examples=[
            OpenApiExample(
                "A pair",
                value={"therapist_id": "t_abc123", "patient_id": "p_rst345"},
                request_only=True,
            )
        ],
        extensions={"x-roles": ["admin"]},
    )
    def create(self, request: Request) -> Response:
        """Begin a care relationship (administrators); 409 where the pair has an active one."""
        caller = self.caller(request)
        check_may_begin(caller.role)  # before the body: its faults are not theirs
        body = self.body(request, serializers.CareBeginSerializer)
        care = begin_care(caller=caller, therapist_id=body.therapist_id, patient_id=body.patient_id)
        return Response(care, status=201)

    @extend_schema(
        request=serializers.NothingSerializer, responses=serializers.CareRelationshipSerializer
    )
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:
        """End a care relationship: its chat can only be read from now on.

        An administrator, or the relationship's own therapist. Ending it again changes nothing.
        """
        self.body(request, serializers.NothingSerializer)
        return Response(end_care(caller=self.caller(request), relationship_id=pk))
