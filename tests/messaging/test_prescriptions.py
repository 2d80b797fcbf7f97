"""A prescription's record: each field, each wrong one named, and what is kept."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tests.messaging.examples import CHAT, MESSAGE, PRESCRIPTION, wrong
from therapyconnect.messaging.policies import prescriptions
from therapyconnect.messaging.policies.prescriptions import Prescription, new_prescription

FULL: dict[str, Any] = {
    "drug": "Sertraline",
    "code": "N06AB06",
    "code_system": "ATC",
    "strength": "50 mg",
    "form": "film-coated tablet",
    "dose": "1 tablet",
    "route": "oral",
    "frequency": "once a day, in the morning",
    "quantity": {"value": 30, "unit": "tablets"},
    "refills": 0,
    "start_date": "2026-03-02",
    "end_date": "2026-03-02",
    "note": "With food.",
    "replaces": MESSAGE,
}


def prescribe(**changes: Any) -> dict[str, Any]:
    return new_prescription({**PRESCRIPTION, **changes}, chat_id=CHAT)


def test_everything_is_kept_as_given() -> None:
    made = new_prescription(FULL, chat_id=CHAT)
    assert made == FULL
    assert json.loads(json.dumps(made)) == made
    assert set(made) == set(Prescription.__struct_fields__)


def test_three_fields_are_enough() -> None:
    made = prescribe()
    assert {name: value for name, value in made.items() if value is not None} == PRESCRIPTION
    assert set(made) == set(FULL)


@pytest.mark.parametrize("value", [1, 0.5, 1_000_000, 1e-3])
def test_a_quantity_is_any_positive_number(value: float) -> None:
    quantity = {"value": value, "unit": "ml"}
    assert prescribe(quantity=quantity)["quantity"] == quantity


@pytest.mark.parametrize(
    ("field", "value", "code", "attr"),
    [
        ("drug", "", "invalid", "drug"),
        ("drug", "  ", "blank", "drug"),
        ("drug", "x" * 201, "invalid", "drug"),
        ("drug", None, "invalid", "drug"),
        ("drug", "a\x00", "null_character", "drug"),
        ("dose", "\udfff", "invalid", "dose"),
        ("dose", 50, "invalid", "dose"),
        ("frequency", "\t", "blank", "frequency"),
        ("strength", "x" * 101, "invalid", "strength"),
        ("form", "x" * 201, "invalid", "form"),
        ("route", "x" * 201, "invalid", "route"),
        ("quantity", 30, "invalid", "quantity"),
        ("quantity", "30 tablets", "invalid", "quantity"),
        ("quantity", {"value": 0, "unit": "ml"}, "invalid", "quantity.value"),
        ("quantity", {"value": -0.5, "unit": "ml"}, "invalid", "quantity.value"),
        ("quantity", {"value": True, "unit": "ml"}, "invalid", "quantity.value"),
        ("quantity", {"value": math.nan, "unit": "ml"}, "invalid", "quantity.value"),
        ("quantity", {"value": 10**30, "unit": "ml"}, "invalid", "quantity.value"),
        ("quantity", {"value": 1, "unit": ""}, "invalid", "quantity.unit"),
        ("quantity", {"value": 1, "unit": "x" * 51}, "invalid", "quantity.unit"),
        ("quantity", {"value": 1, "unit": "m\x00"}, "null_character", "quantity.unit"),
        ("quantity", {"value": 1}, "required", "quantity.unit"),
        ("quantity", {"value": 1, "unit": "ml", "per": 1}, "unknown_field", "quantity.per"),
        ("refills", -1, "invalid", "refills"),
        ("refills", 100, "invalid", "refills"),
        ("refills", 1.5, "invalid", "refills"),
        ("refills", True, "invalid", "refills"),
        ("start_date", "2026-02-30", "invalid", "start_date"),
        ("start_date", "2026-02-03T00:00:00Z", "invalid", "start_date"),
        ("note", "x" * 2001, "invalid", "note"),
        ("code", "N06AB06", "required", "code_system"),
        ("code_system", "ATC", "required", "code"),
        ("replaces", "", "invalid", "replaces"),
        ("replaces", "MSG_7", "invalid", "replaces"),
        ("replaces", "MSG_t_other00_p_xyz789_7", "invalid", "replaces"),  # another chat's
        ("replaces", 7, "invalid", "replaces"),
        ("e_prescription", True, "unknown_field", "e_prescription"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: Any, code: str, attr: str) -> None:
    assert wrong(lambda: prescribe(**{field: value})) == [(code, f"payload.{attr}")]


def test_rules_between_fields() -> None:
    assert wrong(lambda: prescribe(start_date="2026-03-02", end_date="2026-03-01")) == [
        ("invalid", "payload.end_date")
    ]
    assert prescribe(end_date="2026-03-01")["start_date"] is None
    # A code system that is wrong was given: it is not asked for as well.
    assert wrong(lambda: prescribe(code="N06", code_system="x" * 33)) == [
        ("invalid", "payload.code_system")
    ]
    assert wrong(lambda: prescribe(code="N06", code_system=None)) == [
        ("required", "payload.code_system")
    ]
    assert prescribe(code=None, code_system=None)["code"] is None


def test_all_wrong_fields_are_named_at_once() -> None:
    assert wrong(lambda: new_prescription({"refills": "2", "x": 1}, chat_id=CHAT)) == [
        ("required", "payload.dose"),
        ("required", "payload.drug"),
        ("required", "payload.frequency"),
        ("invalid", "payload.refills"),
        ("unknown_field", "payload.x"),
    ]
    assert wrong(lambda: new_prescription(None, chat_id=CHAT)) == [("payload_required", "payload")]


def test_it_says_that_it_is_no_e_prescription_and_knows_no_edit() -> None:
    assert "never an e-prescription" in str(Prescription.__doc__)
    made_here = [
        name for name, value in vars(prescriptions).items()
        if callable(value) and getattr(value, "__module__", "") == prescriptions.__name__
        and not name.startswith("_") and not isinstance(value, type)
    ]  # fmt: skip
    assert made_here == ["new_prescription"]
