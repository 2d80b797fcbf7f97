"""Who am I."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from therapyconnect.accounts import selectors
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.serializers import Me, MeSerializer


class MeView(APIView):
    @extend_schema(
        operation_id="me",
        tags=["me"],
        summary="Who the token names",
        responses=MeSerializer,
        examples=[
            OpenApiExample(
                "A therapist",
                value={
                    "id": "t_abc123",
                    "role": "therapist",
                    "first_name": "Demo",
                    "last_name": "Therapist",
                    "full_name": "Demo Therapist",
                    "email": "therapist@demo.test",
                    "mfa_enrolled": False,
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        caller = request.user
        assert isinstance(caller, Principal)
        return Response(
            Me(
                id=caller.id,
                role=caller.role,
                first_name=caller.first_name,
                last_name=caller.last_name,
                full_name=caller.full_name,
                email=selectors.email_of(caller.id),
                mfa_enrolled=caller.mfa_enrolled,
            )
        )
