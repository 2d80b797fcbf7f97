"""Who am I, and how do I want it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from therapyconnect.accounts import selectors
from therapyconnect.accounts.policies import check_own_id
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.serializers import (
    Me,
    MeSerializer,
    SettingsChangeSerializer,
    SettingsSerializer,
    TherapistSettingsSerializer,
)
from therapyconnect.accounts.services.settings import change_settings
from therapyconnect.core.queries import run

# Built for each operation: drf-spectacular keeps state in it.
_PATIENTS_SETTINGS = {
    "user_id": "p_xyz789",
    "language": "de-CH",
    "region": "CH",
    "time_zone": "Europe/Zurich",
    "quiet_hours": {"start": "22:00", "end": "07:00"},
}
_THERAPISTS_SETTINGS = {
    **_PATIENTS_SETTINGS,
    "user_id": "t_abc123",
    "receives_emergencies": True,
    "working_hours": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "fri": [["09:00", "12:00"]]},
}
_ANSWERS = [
    OpenApiExample("A patient's", value=_PATIENTS_SETTINGS, response_only=True),
    OpenApiExample("A therapist's", value=_THERAPISTS_SETTINGS, response_only=True),
]


def _either() -> PolymorphicProxySerializer:
    return PolymorphicProxySerializer(
        component_name="SettingsOrTherapistSettings",
        serializers=[SettingsSerializer, TherapistSettingsSerializer],  # type: ignore[list-item]
        resource_type_field_name=None,
        many=False,
    )


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
        check_own_id(caller.id, *request.query_params.getlist("user_id"), attr="user_id")
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


class SettingsView(APIView):
    """The caller's own settings; nobody else's can be named."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        claimed = request.query_params.getlist("user_id")
        check_own_id(self._caller(request).id, *claimed, attr="user_id")

    @extend_schema(
        operation_id="my_settings",
        tags=["me"],
        summary="My settings",
        description="The defaults where none were ever changed. A therapist has two more.",
        responses=_either(),
        examples=_ANSWERS,
    )
    def get(self, request: Request) -> Response:
        return Response(run(selectors.settings_of(self._caller(request).id)))

    @extend_schema(
        operation_id="change_my_settings",
        tags=["me"],
        summary="Change my settings",
        description=(
            "Changes the fields that are given and answers all settings. `null` clears quiet"
            " hours, working hours and the region."
        ),
        request=SettingsChangeSerializer,
        responses=_either(),
        examples=[
            OpenApiExample(
                "Where I am",
                value={"language": "de-CH", "region": "CH", "time_zone": "Europe/Zurich"},
                request_only=True,
            ),
            OpenApiExample(
                "Quiet at night",
                value={"quiet_hours": {"start": "22:00", "end": "07:00"}},
                request_only=True,
            ),
            OpenApiExample("No quiet hours", value={"quiet_hours": None}, request_only=True),
            *_ANSWERS,
        ],
    )
    def patch(self, request: Request) -> Response:
        change = SettingsChangeSerializer.parse(request.data)
        caller = self._caller(request)
        claimed = change.user_id if isinstance(change.user_id, str) else None
        check_own_id(caller.id, claimed, attr="user_id")
        return Response(run(change_settings(user_id=caller.id, change=change)))

    def _caller(self, request: Request) -> Principal:
        caller = request.user
        assert isinstance(caller, Principal)
        return caller
