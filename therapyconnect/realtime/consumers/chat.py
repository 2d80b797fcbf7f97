"""`ws/chat/{chat_id}/`: one chat."""

from __future__ import annotations

from typing import Any, ClassVar

from therapyconnect.core.errors import Forbidden, Invalid, NotFound
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.realtime import frames
from therapyconnect.realtime.consumers.base import HEARTBEAT_SECONDS, Consumer


class ChatConsumer(Consumer):
    """Hears one chat: both participants' messages, receipts and typing."""

    on_user_socket: ClassVar[bool] = False

    def __init__(self, *, chat_id: str, **common: Any) -> None:
        super().__init__(**common)
        self.chat_id = chat_id

    async def join(self) -> None:
        """Register, then read: what is committed in between is not missed. Refusals are raised."""
        if self.user_id not in (parse_chat_id(self.chat_id) or ()):
            raise NotFound()
        self.stream = self.hub.join_chat(self, self.chat_id)
        access = await self.engine.read(access_chat(viewer=self.principal, chat_id=self.chat_id))
        if access.standing.blocked:
            raise Forbidden("chat_blocked", "This chat is blocked.")
        self.hub.start_chat(self.chat_id, access.last_seq, access.standing.bar)

    def leave(self) -> None:
        self.hub.leave_chat(self, self.chat_id)
        self.hub.gone(self)

    def establish(self) -> None:
        """Greet; every event after `last_seq` follows on this socket."""
        self.greet(
            frames.ConnectionEstablishedSaid(
                user_id=self.user_id,
                last_seq=self.stream.last or 0,
                heartbeat_seconds=HEARTBEAT_SECONDS,
            )
        )
        self.hub.came(self, [self.chat_id])

    def chat_of(self, asked: frames.Asked) -> str:
        if asked.chat_id is not None and asked.chat_id != self.chat_id:
            raise NotFound("chat_id")
        return self.chat_id

    async def resume(self, asked: frames.ResumeAsked) -> None:
        self.chat_of(asked)
        if asked.after_seq is None or asked.chats is not None:
            raise Invalid("required", "Give after_seq.", "after_seq")
        await self.replay(self.chat_id, asked.after_seq, asked.ref)
