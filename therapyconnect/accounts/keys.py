"""The key ring, as the wiring chose it."""

from __future__ import annotations

from typing import cast

from django.conf import settings

from therapyconnect.vault.keyring import KeyRing


def key_ring() -> KeyRing:
    return cast(KeyRing, settings.THERAPYCONNECT["KEY_RING"])


def in_production() -> bool:
    """True where the rules of production hold (second factors, own keys)."""
    return bool(settings.THERAPYCONNECT["MODE"] == "production")
