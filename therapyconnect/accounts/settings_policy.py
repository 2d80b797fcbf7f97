"""What a change of settings may hold. Pure: the change in, columns or reasons out."""

from __future__ import annotations

from datetime import time
from typing import Any, Final

from msgspec import UNSET

from therapyconnect.accounts.settings_regions import is_time_zone, normal_language, normal_region
from therapyconnect.accounts.settings_shapes import (
    DAYS,
    QuietHours,
    SettingsChange,
    WorkingHours,
)
from therapyconnect.core.errors import Invalid, Problem
from therapyconnect.core.ids import Role

THERAPISTS_FIELDS: Final = ("receives_emergencies", "working_hours")


def columns_of(change: SettingsChange, *, role: Role) -> dict[str, Any]:
    """The columns that `change` sets, in one spelling, or `Invalid` naming each wrong field."""
    problems: list[Problem] = []
    columns: dict[str, Any] = {}
    if role != "therapist":
        for name in THERAPISTS_FIELDS:
            if getattr(change, name) is not UNSET:
                sentence = "Only a therapist has this setting."
                problems.append(Problem("therapists_only", sentence, name))
    if isinstance(change.language, str):
        columns["language"] = normal_language(change.language)
        if columns["language"] is None:
            problems.append(Problem("invalid", "Not a BCP 47 language tag.", "language"))
    if change.region is not UNSET:
        columns["region"] = normal_region(change.region if isinstance(change.region, str) else "")
        if columns["region"] is None:
            problems.append(Problem("invalid", "Not an ISO 3166 region.", "region"))
    if isinstance(change.time_zone, str):
        columns["time_zone"] = change.time_zone
        if not is_time_zone(change.time_zone):
            problems.append(Problem("invalid", "Not an IANA time zone.", "time_zone"))
    if change.quiet_hours is not UNSET:
        quiet = change.quiet_hours if isinstance(change.quiet_hours, QuietHours) else None
        columns["quiet_start"] = None if quiet is None else time.fromisoformat(quiet.start)
        columns["quiet_end"] = None if quiet is None else time.fromisoformat(quiet.end)
        if quiet is not None and quiet.start == quiet.end:
            problems.append(Problem("invalid", "Start and end must differ.", "quiet_hours"))
    if change.receives_emergencies is not UNSET:
        columns["receives_emergencies"] = change.receives_emergencies
    if change.working_hours is not UNSET:
        hours = change.working_hours if isinstance(change.working_hours, dict) else None
        columns["working_hours"] = hours
        wrong = None if hours is None else working_hours_problem(hours)
        if wrong is not None:
            problems.append(wrong)
    if problems:
        raise Invalid.of(*problems)
    return columns


def working_hours_problem(hours: WorkingHours) -> Problem | None:
    """Why these can't be working hours: a span that ends before it begins, or two that overlap.

    Two spans may touch. Times are HH:MM, so their text sorts as they do.
    """
    for day in DAYS:
        last = "00:00"
        for start, end in hours.get(day, []):
            if start >= end:
                sentence = "Each span ends after it begins."
                return Problem("invalid", sentence, "working_hours")
            if start < last:
                sentence = "The spans of a day are in order and don't overlap."
                return Problem("invalid", sentence, "working_hours")
            last = end
    return None
