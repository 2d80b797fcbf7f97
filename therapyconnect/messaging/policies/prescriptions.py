"""Prescriptions: a record of what a therapist prescribed, shared with the patient.

It is never an e-prescription: it is not signed as one, no pharmacy gets it, and nothing is
dispensed on it. It can't be changed: a correction is a new message that `replaces` the old one.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from therapyconnect.core.errors import Invalid, Problem
from therapyconnect.core.ids import parse_message_id
from therapyconnect.messaging.policies.typed import ATTR, read_fields, required_payload

_MOST: Final = 1_000_000

Drug = Annotated[str, Meta(min_length=1, max_length=200)]
Detail = Annotated[str, Meta(min_length=1, max_length=200)]
Amount = Annotated[int, Meta(gt=0, le=_MOST)] | Annotated[float, Meta(gt=0, le=float(_MOST))]


class Quantity(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much is to be supplied, such as 30 tablets."""

    value: Amount
    unit: Annotated[str, Meta(min_length=1, max_length=50)]


class Prescription(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The payload of a `prescription` message: a record, never an e-prescription.

    No pharmacy gets it and nothing is dispensed on it. `code` names the drug in `code_system`
    (ATC, RxNorm, PZN, …). It can't be changed: a correction is a new message whose `replaces` is
    the id of the one that it corrects.
    """

    drug: Drug
    dose: Detail
    frequency: Detail
    code: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    code_system: Annotated[str, Meta(min_length=1, max_length=32)] | None = None
    strength: Annotated[str, Meta(max_length=100)] | None = None
    form: Annotated[str, Meta(max_length=200)] | None = None
    route: Annotated[str, Meta(max_length=200)] | None = None
    quantity: Quantity | None = None
    refills: Annotated[int, Meta(ge=0, le=99)] | None = None
    start_date: date | None = None
    end_date: date | None = None
    note: Annotated[str, Meta(max_length=2000)] | None = None
    replaces: str | None = None


def new_prescription(payload: dict[str, Any] | None, *, chat_id: str) -> dict[str, Any]:
    """The record, every field present, ready for JSON; `Invalid` names each fault.

    A clinician must say what (`drug`), how much (`dose`) and how often (`frequency`). `replaces`
    must be the id of a message of this chat; whether that is a prescription is the caller's to see.
    """
    given, problems = read_fields(Prescription, required_payload(payload, "prescription"))
    problems += _problems(
        given, chat_id, wrong={name for name in payload or () if name not in given}
    )
    if problems:
        raise Invalid.of(*problems)
    kept: dict[str, Any] = msgspec.to_builtins(Prescription(**given))
    return kept


def _problems(given: dict[str, Any], chat_id: str, *, wrong: set[str]) -> list[Problem]:
    """What is wrong between the fields that could be read; those in `wrong` were named already."""
    problems: list[Problem] = []
    for name, other in (("code", "code_system"), ("code_system", "code")):
        if given.get(name) is not None and given.get(other) is None and other not in wrong:
            problems.append(Problem("required", f"Needed with {name}.", f"{ATTR}.{other}"))
    start, end = given.get("start_date"), given.get("end_date")
    if start is not None and end is not None and end < start:
        problems.append(Problem("invalid", "Before the start.", f"{ATTR}.end_date"))
    replaces = given.get("replaces")
    if replaces is not None:
        ref = parse_message_id(replaces)
        if ref is None or ref.chat_id != chat_id:
            problems.append(
                Problem("invalid", "Not the id of a message of this chat.", f"{ATTR}.replaces")
            )
    return problems
