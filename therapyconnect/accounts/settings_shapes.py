"""The settings on the wire: what is answered, and what a change may hold."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from therapyconnect.accounts.settings_regions import MAX_LANGUAGE
from therapyconnect.core.ids import USER_ID_PATTERN

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_SPANS: Final = 8

Time = Annotated[
    str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="Local time, HH:MM.")
]
End = Annotated[
    str,
    Meta(
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
        description="Local time, HH:MM, at most 24:00.",
    ),
]
Spans = Annotated[list[tuple[Time, End]], Meta(max_length=MAX_SPANS)]
WorkingHours = dict[Day, Spans]
"""By day, spans from a time to a later one, in order, not overlapping. No day: not worked."""

Language = Annotated[
    str, Meta(min_length=2, max_length=MAX_LANGUAGE, description="BCP 47, as `de-CH`.")
]
Region = Annotated[
    str, Meta(max_length=6, description="ISO 3166-1 or 3166-2, as `CH` or `CA-BC`; empty: unknown.")
]
TimeZone = Annotated[str, Meta(max_length=64, description="An IANA name, as `Europe/Zurich`.")]
UserId = Annotated[str, Meta(pattern=USER_ID_PATTERN)]


class QuietHours(msgspec.Struct, forbid_unknown_fields=True):
    """From `start` to `end`, local time, over midnight where `end` is the earlier."""

    start: Time
    end: Time


class Settings(msgspec.Struct):
    """A person's own settings."""

    user_id: UserId
    language: Language = "en"
    region: Region = ""
    time_zone: TimeZone = "UTC"
    quiet_hours: QuietHours | None = None


class TherapistSettings(Settings):
    """A therapist's own settings. No working hours: nothing is known of them."""

    receives_emergencies: bool = True
    working_hours: WorkingHours | None = None


class SettingsChange(msgspec.Struct):
    """What is given is changed; null clears. The last two are a therapist's."""

    user_id: str | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    region: Region | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    quiet_hours: QuietHours | UnsetType | None = UNSET
    receives_emergencies: bool | UnsetType = UNSET
    working_hours: WorkingHours | UnsetType | None = UNSET
