"""`ws/notifications/{user_id}/`: everything of one user. One such socket is enough for a client."""

from __future__ import annotations

from typing import ClassVar

from therapyconnect.core.errors import Invalid, NotFound
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.messaging.selectors.positions import chat_positions
from therapyconnect.realtime import frames
from therapyconnect.realtime.consumers.base import HEARTBEAT_SECONDS, Consumer, own_chat


class NotificationConsumer(Consumer):
    """Hears all chats of its user; each frame of a chat names it."""

    on_user_socket: ClassVar[bool] = True

    async def join(self) -> None:
        """Register, then read where the user's chats stand."""
        self.hub.join_user(self)
        positions = await self.engine.read(chat_positions(viewer=self.principal))
        self.hub.start_user(self.user_id, positions)

    def leave(self) -> None:
        self.hub.leave_user(self)
        self.hub.gone(self)

    def establish(self) -> None:
        self.greet(
            frames.ConnectionEstablishedSaid(
                user_id=self.user_id, heartbeat_seconds=HEARTBEAT_SECONDS
            )
        )
        self.hub.came(self, self.hub.chats_heard(self.user_id))

    def chat_of(self, asked: frames.Asked) -> str:
        return own_chat(self.principal, asked.chat_id)

    async def resume(self, asked: frames.ResumeAsked) -> None:
        """Each chat asked is answered by itself: replayed and `resumed`, or an error."""
        chats = asked.chats
        if chats is None and asked.chat_id is not None and asked.after_seq is not None:
            chats = {asked.chat_id: asked.after_seq}
        if chats is None:
            raise Invalid("required", "Give chats.", "chats")
        for chat_id, after_seq in chats.items():
            if self.user_id in (parse_chat_id(chat_id) or ()):
                await self.replay(chat_id, after_seq, asked.ref)
            else:
                self.refuse(NotFound("chats"), asked.ref, chat_id)
