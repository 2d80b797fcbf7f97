"""Reads: users, the care between them, their settings."""

from __future__ import annotations

from datetime import time
from typing import Final

import msgspec
from django.db.models import Q, QuerySet

from therapyconnect.accounts.models import CareRelationship, User, normalise_email
from therapyconnect.accounts.settings_shapes import (
    DAYS,
    QuietHours,
    Settings,
    TherapistSettings,
    WorkingHours,
)
from therapyconnect.core.ids import role_of
from therapyconnect.core.queries import Query, Reading, Row

SETTINGS_COLUMNS: Final = (
    "user_id, language, region, time_zone, quiet_start, quiet_end, receives_emergencies,"
    " working_hours"
)
"""Of `accounts_usersettings`, as `render_settings` takes them."""


def user_by_id(user_id: str) -> User | None:
    return User.objects.filter(id=user_id).first()


def user_by_email(email: str) -> User | None:
    return User.objects.filter(email=normalise_email(email)).first()


def active_relationship(*, therapist_id: str, patient_id: str) -> CareRelationship | None:
    """The care that is going on between the two, or None. Index `accounts_care_one_active`."""
    return CareRelationship.objects.filter(
        therapist_id=therapist_id, patient_id=patient_id, ended_at__isnull=True
    ).first()


def relationships_of(user_id: str) -> QuerySet[CareRelationship]:
    """Every care relationship, also ended ones, that `user_id` has a side in, newest first."""
    return CareRelationship.objects.filter(
        Q(therapist_id=user_id) | Q(patient_id=user_id)
    ).order_by("-started_at")


def email_of(user_id: str) -> str:
    """The address of a user who is known to exist."""
    return User.objects.values_list("email", flat=True).get(id=user_id)


def settings_of(user_id: str) -> Reading[Settings]:
    """The user's settings, the defaults where none were ever changed; a therapist's are more."""
    rows = yield Query(
        f"SELECT {SETTINGS_COLUMNS} FROM accounts_usersettings WHERE user_id = %s", (user_id,)
    )
    return render_settings(rows[0]) if rows else default_settings(user_id)


def default_settings(user_id: str) -> Settings:
    if role_of(user_id) == "therapist":
        return TherapistSettings(user_id=user_id)
    return Settings(user_id=user_id)


def render_settings(row: Row) -> Settings:
    """The settings in a row of `SETTINGS_COLUMNS`."""
    user_id, language, region, time_zone, quiet_start, quiet_end, receives, hours = row
    quiet = None
    if quiet_start is not None:
        quiet = QuietHours(start=_hour_and_minute(quiet_start), end=_hour_and_minute(quiet_end))
    if role_of(user_id) != "therapist":
        return Settings(user_id, language, region, time_zone, quiet)
    return TherapistSettings(
        user_id, language, region, time_zone, quiet, receives, _in_order(hours)
    )


def _hour_and_minute(value: time) -> str:
    return value.strftime("%H:%M")


def _in_order(hours: WorkingHours | str | None) -> WorkingHours | None:
    """The days from Monday on: JSON in the database keeps no order.

    Text where Django's connection read it, which leaves JSON to the field that we do without.
    """
    if isinstance(hours, str):
        hours = msgspec.json.decode(hours, type=WorkingHours)
    if hours is None:
        return None
    return {day: hours[day] for day in DAYS if hours.get(day)}
