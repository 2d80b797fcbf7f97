"""Chats: list, open, status, and what happened in one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from therapyconnect_client.api import Api
from therapyconnect_client.shapes import Chat, ChatDetail, Event, Events


class Chats:
    def __init__(self, api: Api) -> None:
        self._api = api

    def list(
        self,
        *,
        status: str | None = None,
        unread: bool | None = None,
        ordering: Literal["recent", "priority"] | None = None,
    ) -> AsyncIterator[Chat]:
        """One's own, latest activity first; by `priority` those that need a person first."""
        params = {"status": status, "unread": unread, "ordering": ordering, "limit": 200}
        return self._api.pages("chats/", Chat, params)

    async def get(self, chat_id: str) -> ChatDetail:
        return await self._api.get(f"chats/{chat_id}/", ChatDetail)

    async def create_or_get(self, therapist_id: str, patient_id: str) -> ChatDetail:
        """The pair's chat, made where there was none."""
        body = {"therapist_id": therapist_id, "patient_id": patient_id}
        return await self._api.post("chats/create_or_get_chat/", ChatDetail, body)

    async def update_status(self, chat_id: str, status: str) -> ChatDetail:
        """active, archived, blocked or deleted: sets or lifts what the caller may."""
        body = {"status": status}
        return await self._api.post(f"chats/{chat_id}/update_status/", ChatDetail, body)

    async def mark_all_read(self, chat_id: str, up_to_seq: int | None = None) -> ChatDetail:
        """Move one's read horizon, without a socket; as far as the chat goes, or to a number."""
        body = {} if up_to_seq is None else {"up_to_seq": up_to_seq}
        return await self._api.post(f"chats/{chat_id}/mark_all_read/", ChatDetail, body)

    async def mark_unread(self, chat_id: str) -> ChatDetail:
        """A private flag, which moves no horizon."""
        return await self._api.post(f"chats/{chat_id}/mark_unread/", ChatDetail)

    async def set_notifications(self, chat_id: str, *, enabled: bool) -> ChatDetail:
        body = {"notifications_enabled": enabled}
        return await self._api.post(f"chats/{chat_id}/toggle_notifications/", ChatDetail, body)

    async def events(self, chat_id: str, *, after_seq: int = 0) -> AsyncIterator[Event]:
        """What happened after a number, in order, up to now.

        `Invalid` with code `cursor_ahead`: the number is from before a restore; begin again at 0.
        """
        while True:
            params = {"after_seq": after_seq, "limit": 200}
            page = await self._api.get(f"chats/{chat_id}/events/", Events, params)
            for event in page.events:
                yield event
                after_seq = event.seq
            if not page.events or after_seq >= page.last_seq:
                return
