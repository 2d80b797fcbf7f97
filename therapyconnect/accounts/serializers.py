"""What the REST edge says about the caller, and takes from them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from therapyconnect.accounts.settings_shapes import (
    Settings,
    SettingsChange,
    TherapistSettings,
)
from therapyconnect.core.ids import USER_ID_PATTERN, Role
from therapyconnect.core.rest.serializers import StructSerializer


class Me(msgspec.Struct):
    """The caller."""

    id: Annotated[str, msgspec.Meta(pattern=USER_ID_PATTERN)]
    role: Role
    first_name: str
    last_name: str
    full_name: str
    email: str
    mfa_enrolled: bool


class MeSerializer(StructSerializer):
    struct = Me


class SettingsSerializer(StructSerializer):
    struct = Settings


class TherapistSettingsSerializer(StructSerializer):
    struct = TherapistSettings


class SettingsChangeSerializer(StructSerializer):
    struct = SettingsChange
