"""The ids of notifications."""

from __future__ import annotations

import secrets
from typing import Final

ID_PATTERN: Final = "^NTF_[0-9a-f]{24}$"


def new_notification_id() -> str:
    """96 random bits, so that an id tells nothing of how many there are."""
    return f"NTF_{secrets.token_hex(12)}"
