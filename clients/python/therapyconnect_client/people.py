"""Oneself, one's settings and notifications; and for an administrator, the caseload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from therapyconnect_client.api import Api
from therapyconnect_client.shapes import CrisisResource, Me, Notification


class People:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def me(self) -> Me:
        return await self._api.get("me/", Me)

    async def settings(self) -> dict[str, Any]:
        return await self._api.get("me/settings/", dict[str, Any])

    async def change_settings(self, **changes: Any) -> dict[str, Any]:
        """Change what is given; None clears it. The settings as they are then."""
        return await self._api.patch("me/settings/", dict[str, Any], changes)

    async def crisis_resources(self) -> list[CrisisResource]:
        """Whom one can call in one's own region, the emergency number first."""
        route = "me/crisis-resources/"
        return (await self._api.get(route, dict[str, list[CrisisResource]]))["crisis_resources"]

    def notifications(self, *, unread: bool | None = None) -> AsyncIterator[Notification]:
        """One's own, newest first."""
        return self._api.pages("notifications/", Notification, {"unread": unread})

    async def mark_notification_read(self, notification_id: str) -> Notification:
        return await self._api.post(f"notifications/{notification_id}/mark_read/", Notification)

    def caseload(self) -> AsyncIterator[dict[str, Any]]:
        """The care relationships that one may see."""
        return self._api.pages("care-relationships/", dict[str, Any])
