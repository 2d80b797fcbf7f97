"""Emergency alerts. Never show more than an alert's state says."""

from __future__ import annotations

from collections.abc import AsyncIterator

from therapyconnect_client.api import Api
from therapyconnect_client.shapes import EmergencyAlert


class Alerts:
    def __init__(self, api: Api) -> None:
        self._api = api

    def list(
        self, *, chat_id: str | None = None, state: str | None = None
    ) -> AsyncIterator[EmergencyAlert]:
        """Those that are not resolved, newest first; read it on each `Connected`."""
        params = {"chat_id": chat_id, "state": state}
        return self._api.pages("emergencies/", EmergencyAlert, params)

    async def acknowledge(self, alert_id: str) -> EmergencyAlert:
        """A person takes it: the chat's therapist."""
        return await self._api.post(f"emergencies/{alert_id}/acknowledge/", EmergencyAlert)

    async def resolve(self, alert_id: str) -> EmergencyAlert:
        """It is over."""
        return await self._api.post(f"emergencies/{alert_id}/resolve/", EmergencyAlert)
