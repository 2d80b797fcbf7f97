"""What was said: history, search, and what becomes of a message."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal

from therapyconnect_client.api import Api
from therapyconnect_client.shapes import Message, MessageVersion, SentMessage


class Messages:
    """Sending is the queue's: `Client.send`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def history(
        self,
        chat_id: str,
        *,
        before_seq: int | None = None,
        after_seq: int | None = None,
        sender_id: str | None = None,
        emergency: bool | None = None,
        message_type: str | None = None,
        read_status: str | None = None,
        exclude_deleted: bool | None = None,
        page: int = 50,
    ) -> AsyncIterator[Message]:
        """A chat's messages, newest first; oldest first with `after_seq`. Asked for by the page."""
        params = {
            "chat_id": chat_id, "before_seq": before_seq, "after_seq": after_seq,
            "sender_id": sender_id, "emergency": emergency, "message_type": message_type,
            "read_status": read_status, "exclude_deleted": exclude_deleted, "limit": page,
        }  # fmt: skip
        return self._api.pages("messages/", Message, params)

    def unread(self, chat_id: str | None = None) -> AsyncIterator[Message]:
        """Those of others that one has not read, newest first."""
        return self._api.pages("messages/get_unread_messages/", Message, {"chat_id": chat_id})

    def search(self, q: str, chat_id: str | None = None) -> AsyncIterator[Message]:
        """Those that hold a part of a word, newest first, in one's own chats or in one."""
        body = {"q": q, **({"chat_id": chat_id} if chat_id else {})}
        return self._api.pages("messages/search/", Message, body=body)

    async def get(self, message_id: str) -> Message:
        return await self._api.get(f"messages/{message_id}/", Message)

    async def versions(self, message_id: str) -> list[MessageVersion]:
        """What it said before it was edited; none once it was deleted."""
        found = self._api.pages(f"messages/{message_id}/history/", MessageVersion)
        return [version async for version in found]

    async def edit(self, message_id: str, text: str) -> Message:
        return await self._act(message_id, "edit_message", {"text": text})

    async def delete(self, message_id: str) -> Message:
        return await self._act(message_id, "delete_message")

    async def restore(self, message_id: str) -> Message:
        return await self._act(message_id, "restore_message")

    async def mark_emergency(self, message_id: str) -> SentMessage:
        """Flag one's own message as urgent. Refusals have `crisis_resources`."""
        path = f"messages/{message_id}/mark_emergency/"
        return await self._api.post(path, SentMessage)

    async def answer(
        self,
        message_id: str,
        answer: Literal["accept", "decline", "reschedule", "cancel"],
        *,
        start: datetime | None = None,
        end: datetime | None = None,
        time_zone: str | None = None,
    ) -> Message:
        """Answer an appointment; times only to reschedule."""
        times: dict[str, Any] = {"start": start, "end": end, "time_zone": time_zone}
        body = {"answer": answer, **{k: v for k, v in times.items() if v is not None}}
        return await self._act(message_id, "answer", body)

    async def calendar_file(self, message_id: str) -> bytes:
        """An appointment's .ics."""
        return (await self._api.request("GET", f"messages/{message_id}/calendar.ics")).content

    async def _act(
        self, message_id: str, action: str, body: dict[str, Any] | None = None
    ) -> Message:
        return await self._api.post(f"messages/{message_id}/{action}/", Message, body)
