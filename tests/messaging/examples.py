"""Payloads that are right, to be made wrong one field at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from therapyconnect.core.errors import Invalid

THERAPIST, PATIENT = "t_abc123", "p_xyz789"
CHAT = f"CHAT_{THERAPIST}_{PATIENT}"
MESSAGE = f"MSG_{THERAPIST}_{PATIENT}_7"

APPOINTMENT: dict[str, Any] = {
    "start": "2026-03-02T10:00:00+01:00",
    "end": "2026-03-02T10:50:00+01:00",
    "time_zone": "Europe/Vienna",
}
PRESCRIPTION: dict[str, Any] = {
    "drug": "Sertraline",
    "dose": "50 mg",
    "frequency": "once a day",
}


def wrong(call: Callable[[], object]) -> list[tuple[str, str | None]]:
    """The `(code, attr)` of everything that `call` is told to be wrong, sorted by field."""
    with pytest.raises(Invalid) as refused:
        call()
    return sorted(
        ((problem.code, problem.attr) for problem in refused.value.problems),
        key=lambda item: str(item[1]),
    )
