"""Whom the caller can turn to, before anything happens."""

from __future__ import annotations

import msgspec
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from therapyconnect.accounts.policies import check_own_id
from therapyconnect.accounts.principal import Principal
from therapyconnect.core.queries import run
from therapyconnect.core.rest.serializers import StructSerializer
from therapyconnect.crisis.resources import CrisisResource
from therapyconnect.crisis.selectors import resources_of


class CrisisResources(msgspec.Struct):
    """The emergency number first, where the region is known."""

    crisis_resources: list[CrisisResource]


class CrisisResourcesSerializer(StructSerializer):
    struct = CrisisResources


class CrisisResourcesView(APIView):
    @extend_schema(
        operation_id="my_crisis_resources",
        tags=["me"],
        summary="Whom I can call",
        description=(
            "For the region and language of one's own settings; neutral, and without a number,"
            " where the region is unknown. The same that every answer to an emergency has: a client"
            " shows them before anything happens, and keeps them for when it is offline."
        ),
        responses=CrisisResourcesSerializer,
        examples=[
            OpenApiExample(
                "In Switzerland",
                value={
                    "crisis_resources": [
                        {
                            "name": "Emergency services",
                            "phone": "144",
                            "text": None,
                            "url": None,
                            "region": "CH",
                            "hours": "24/7",
                        }
                    ]
                },
            )
        ],
    )
    def get(self, request: Request) -> Response:
        caller = request.user
        assert isinstance(caller, Principal)
        check_own_id(caller.id, *request.query_params.getlist("user_id"), attr="user_id")
        return Response(CrisisResources(crisis_resources=run(resources_of(caller.id))))
