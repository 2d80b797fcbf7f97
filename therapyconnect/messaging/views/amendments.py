"""What can be done with a message once it was said: a part of the message routes."""

from __future__ import annotations

from typing import Any

import structlog
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.core import clock
from therapyconnect.core.errors import NotFound
from therapyconnect.core.queries import run
from therapyconnect.crisis.resources import CrisisResource
from therapyconnect.crisis.selectors import known_resources, resources_of
from therapyconnect.messaging import serializers
from therapyconnect.messaging.calendar_file import calendar_file
from therapyconnect.messaging.selectors.messages import message_detail, see
from therapyconnect.messaging.services import changing
from therapyconnect.messaging.services.requests import Changed
from therapyconnect.messaging.shapes import EmergencyAlert, Message, sent_message
from therapyconnect.messaging.views.base import PrincipalViewSet

log = structlog.get_logger("therapyconnect.messaging.emergencies")


class AmendmentActions(PrincipalViewSet):
    """Edit, delete, restore, flag as urgent, answer an appointment, take it to a calendar."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # A calendar program accepts text/calendar alone; what it is refused with is JSON anyway.
        return super().perform_content_negotiation(request, force or self.action == "calendar")

    @extend_schema(
        request=serializers.MessageEditSerializer,
        responses=serializers.MessageSerializer,
        examples=[OpenApiExample("Other words", value={"text": "Hello."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def edit_message(self, request: Request, pk: str) -> Response:
        """Give the caller's own message other words; the earlier version is kept."""
        body = self.body(request, serializers.MessageEditSerializer)
        changed = changing.edit_message(caller=self.caller(request), message_id=pk, text=body.text)
        return self._amended(request, changed)

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.MessageSerializer)
    @action(detail=True, methods=["post"])
    def delete_message(self, request: Request, pk: str) -> Response:
        """Take the caller's own message away: it keeps its place, and can be restored."""
        self.body(request, serializers.NothingSerializer)
        return self._amended(
            request, changing.delete_message(caller=self.caller(request), message_id=pk)
        )

    @extend_schema(request=serializers.NothingSerializer, responses=serializers.MessageSerializer)
    @action(detail=True, methods=["post"])
    def restore_message(self, request: Request, pk: str) -> Response:
        """Put the caller's own deleted message back; to its recipient it is unread anew."""
        self.body(request, serializers.NothingSerializer)
        return self._amended(
            request, changing.restore_message(caller=self.caller(request), message_id=pk)
        )

    @extend_schema(
        request=serializers.NothingSerializer, responses=serializers.SentMessageSerializer
    )
    @action(detail=True, methods=["post"])
    def mark_emergency(self, request: Request, pk: str) -> Response:
        """Flag the caller's own message as urgent; a patient's raises an alert."""
        self.body(request, serializers.NothingSerializer)
        changed = changing.mark_emergency(caller=self.caller(request), message_id=pk)
        return Response(self.answered(request, self._seen(request, changed), changed.alert))

    @extend_schema(
        request=serializers.AppointmentReplySerializer,
        responses=serializers.MessageSerializer,
        examples=[
            OpenApiExample("Accept", value={"answer": "accept"}, request_only=True),
            OpenApiExample(
                "Other times",
                value={
                    "answer": "reschedule",
                    "start": "2026-12-02T09:00:00Z",
                    "end": "2026-12-02T10:00:00Z",
                    "time_zone": "Europe/Zurich",
                },
                request_only=True,
            ),
        ],
    )
    @action(detail=True, methods=["post"])
    def answer(self, request: Request, pk: str) -> Response:
        """Answer an appointment: accept, decline, reschedule (with times), or cancel."""
        body = self.body(request, serializers.AppointmentReplySerializer)
        changed = changing.answer_appointment(
            caller=self.caller(request),
            message_id=pk,
            answer=body.answer,
            start=body.start,
            end=body.end,
            time_zone=body.time_zone,
        )
        return self._amended(request, changed)

    @extend_schema(
        operation_id="messages_calendar", responses={(200, "text/calendar"): OpenApiTypes.STR}
    )
    def calendar(self, request: Request, pk: str) -> HttpResponse:
        """An appointment as a calendar file, with a neutral summary."""
        message = run(message_detail(viewer=self.caller(request), message_id=pk))
        if message.message_type != "appointment" or message.payload is None:
            raise NotFound()
        file = calendar_file(message_id=message.id, payload=message.payload, now=clock.now())
        return HttpResponse(
            file,
            content_type="text/calendar; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="appointment.ics"'},
        )

    def answered(self, request: Request, message: Message, alert: EmergencyAlert | None) -> Message:
        """The message as its sender is answered: a patient's emergency with whom to call."""
        caller = self.caller(request)
        if not message.emergency or caller.role != "patient":
            return message
        return sent_message(message, crisis_resources=_resources(caller.id), emergency_alert=alert)

    def _amended(self, request: Request, changed: Changed) -> Response:
        return Response(self._seen(request, changed))

    def _seen(self, request: Request, changed: Changed) -> Message:
        """The message as the caller sees it, as this change left it."""
        assert changed.message is not None
        return see(changed.message, chat=changed.chat, viewer_id=self.caller(request).id)


def _resources(user_id: str) -> list[CrisisResource]:
    """Whom to call; what was committed is answered, also where they can't be looked up now."""
    try:
        return run(resources_of(user_id))
    except Exception as error:
        log.warning("emergency.resources_unread", error=type(error).__name__)
        return known_resources(user_id)
