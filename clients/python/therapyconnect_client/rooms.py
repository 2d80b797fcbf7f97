"""The room of a chat: what it is for, and who may do what in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from therapyconnect_client.api import Api
from therapyconnect_client.shapes import Room


class Rooms:
    def __init__(self, api: Api) -> None:
        self._api = api

    def list(self) -> AsyncIterator[Room]:
        return self._api.pages("chat-rooms/", Room)

    async def get(self, room_id: str) -> Room:
        return await self._api.get(f"chat-rooms/{room_id}/", Room)

    async def update(self, room_id: str, **changes: Any) -> Room:
        """`room_type`, `description`, `tags`."""
        return await self._api.patch(f"chat-rooms/{room_id}/", Room, changes)

    async def update_permissions(self, room_id: str, **permissions: bool) -> Room:
        """`therapist_can_send`, `patient_can_send`, and the same for `…_can_see_history`."""
        path = f"chat-rooms/{room_id}/update_permissions/"
        return await self._api.post(path, Room, permissions)

    async def archive(self, room_id: str) -> Room:
        """Nobody sends any more."""
        return await self._api.post(f"chat-rooms/{room_id}/archive_room/", Room)

    async def activate(self, room_id: str) -> Room:
        return await self._api.post(f"chat-rooms/{room_id}/activate_room/", Room)
