"""What a message's payload may be, by the message's type: the one entry for whoever sends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from therapyconnect.core.errors import Invalid
from therapyconnect.core.ids import MessageRef, parse_message_id
from therapyconnect.messaging.policies.appointments import (
    Appointment,
    AppointmentProposal,
    new_appointment,
)
from therapyconnect.messaging.policies.prescriptions import Prescription, new_prescription
from therapyconnect.messaging.policies.typed import ATTR, text_problem

PAYLOAD_SCHEMAS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "appointment": Appointment,
    "prescription": Prescription,
}
"""Message type to the payload that a reader sees. Other types have none, or one of the client's."""

SENT_PAYLOAD_SCHEMAS: Final[Mapping[str, type[msgspec.Struct]]] = {
    "appointment": AppointmentProposal,
    "prescription": Prescription,
}
"""Message type to the payload that a sender gives."""


def check_payload(
    message_type: str, payload: dict[str, Any] | None, *, sender_id: str, chat_id: str
) -> dict[str, Any] | None:
    """The payload to keep, ready for JSON, or `Invalid` with every reason why it can't be.

    Appointments and prescriptions need one and have their own shape, defaults filled in; any other
    type's passes as it came. What is the same for all (size, depth) `policies.content` has judged
    before. A retry is compared with the payload as sent: an appointment gets its id here.
    """
    if message_type == "appointment":
        return new_appointment(payload, sender_id=sender_id)
    if message_type == "prescription":
        return new_prescription(payload, chat_id=chat_id)
    problem = text_problem(payload, attr=ATTR)
    if problem is not None:
        raise Invalid.of(problem)
    return payload


def replaced_prescription(message_type: str, payload: dict[str, Any] | None) -> MessageRef | None:
    """The message that a prescription, as it was sent, says it corrects; None where it can't."""
    named = payload.get("replaces") if message_type == "prescription" and payload else None
    return parse_message_id(named) if isinstance(named, str) else None
