"""The one entry for a send: typed payloads by their type, all others as they came."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.server import ROOT
from tests.messaging.examples import APPOINTMENT, CHAT, PATIENT, PRESCRIPTION, wrong
from therapyconnect.core.errors import Invalid
from therapyconnect.messaging.policies.content import MAX_PAYLOAD_BYTES
from therapyconnect.messaging.policies.payloads import (
    PAYLOAD_SCHEMAS,
    SENT_PAYLOAD_SCHEMAS,
    check_payload,
)


def check(message_type: str, payload: Any) -> dict[str, Any] | None:
    return check_payload(message_type, payload, sender_id=PATIENT, chat_id=CHAT)


@pytest.mark.parametrize("message_type", ["text", "image", "file", "system"])
def test_other_types_pass_as_they_came(message_type: str) -> None:
    payload = {"width": 3, "tags": ["a", {"b": None}], "start": "soon"}
    assert check(message_type, payload) is payload
    assert check(message_type, None) is None
    assert check(message_type, {}) == {}


def test_typed_ones_are_required_and_checked() -> None:
    made = check("appointment", APPOINTMENT)
    assert made is not None
    assert made["proposed_by"] == PATIENT
    prescribed = check("prescription", PRESCRIPTION)
    assert prescribed is not None
    assert prescribed["drug"] == PRESCRIPTION["drug"]
    for message_type in ("appointment", "prescription"):
        assert wrong(lambda kind=message_type: check(kind, None)) == [
            ("payload_required", "payload")
        ]
        assert ("unknown_field", "payload.note2") in wrong(
            lambda kind=message_type: check(kind, {"note2": 1})
        )


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"a": "\x00"}, "null_character"),
        ({"\x00": 1}, "null_character"),
        ({"a": [[{"b": ["x", "\x00y"]}]]}, "null_character"),
        ({"a": "\ud800"}, "invalid"),
        ({"a": {"\udc00": 1}}, "invalid"),
    ],
)
def test_text_that_cannot_be_kept_is_refused_anywhere(payload: Any, code: str) -> None:
    assert wrong(lambda: check("text", payload)) == [(code, "payload")]


def test_depth_is_never_ours() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = [deep]
    assert check("text", {"deep": deep}) is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    [name for struct in SENT_PAYLOAD_SCHEMAS.values() for name in struct.__struct_fields__]
)


@given(
    message_type=st.sampled_from(["appointment", "prescription", "text"]),
    base=st.sampled_from([{}, APPOINTMENT, PRESCRIPTION]),
    changes=st.dictionaries(NAMES | st.text(max_size=8), JSON, max_size=4),
)
def test_whatever_is_sent_is_kept_or_refused_field_by_field(
    message_type: str, base: dict[str, Any], changes: dict[str, Any]
) -> None:
    try:
        kept = check(message_type, {**base, **changes})
    except Invalid as error:
        for problem in error.problems:
            assert problem.attr is not None
            assert problem.attr.split(".")[0] == "payload"
            assert len(problem.detail) < 200
        return
    msgspec.json.encode(kept)
    if message_type in PAYLOAD_SCHEMAS:
        msgspec.convert(kept, PAYLOAD_SCHEMAS[message_type])


def test_what_is_longest_is_still_a_payload() -> None:
    long = "\U0001f642"
    made = check(
        "appointment", {**APPOINTMENT, "location": long * 500, "note": long * 2000, "id": "x" * 64}
    )
    assert len(msgspec.json.encode(made)) < MAX_PAYLOAD_BYTES


def test_the_document_gets_their_shapes() -> None:
    _, components = msgspec.json.schema_components(
        [*PAYLOAD_SCHEMAS.values(), *SENT_PAYLOAD_SCHEMAS.values()]
    )
    assert set(components) == {"Appointment", "AppointmentProposal", "Prescription", "Quantity"}
    assert "sequence" in components["Appointment"]["properties"]
    assert "sequence" not in components["AppointmentProposal"]["properties"]
    assert "never an e-prescription" in components["Prescription"]["description"]


@pytest.mark.parametrize("page", ["appointments", "prescriptions"])
def test_the_guide_s_example_is_taken(page: str) -> None:
    text = (ROOT / "docs" / "guide" / f"{page}.md").read_text()
    (block,) = re.findall(r"^```json\n(.*?)^```", text, re.M | re.S)
    sent = json.loads(block)
    kept = check_payload(
        sent["message_type"], sent["payload"], sender_id=PATIENT, chat_id=sent["chat_id"]
    )
    assert kept is not None
    for name in sent["payload"]:
        assert f"`{name}`" in text
        assert name in kept
