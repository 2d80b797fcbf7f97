"""The consumer as the tutorial of Channels has it, with a database behind it."""

import json
from functools import partial

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from chat.models import Chat, Message

# The default is one thread that all sockets share.
in_thread = partial(database_sync_to_async, thread_sensitive=not settings.TUNED)


class ChatConsumer(AsyncWebsocketConsumer):
    async def connect(self):
        self.user = self.scope["user"]
        self.chat_id = self.scope["url_route"]["kwargs"]["chat_id"]
        self.group = f"chat_{self.chat_id}"
        if not self.user.is_authenticated or not await self.may_enter():
            await self.close()
            return
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send(json.dumps({"type": "connection_established"}))

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data):
        asked = json.loads(text_data)
        try:
            message = await self.create_message(asked["text"], asked["client_message_id"])
        except Chat.DoesNotExist:
            await self.send(json.dumps({"type": "error", "code": "not_allowed"}))
            return
        await self.channel_layer.group_send(
            self.group, {"type": "chat.message", "message": message}
        )

    async def chat_message(self, event):
        await self.send(json.dumps({"type": "chat_message", "message": event["message"]}))

    @in_thread
    def may_enter(self):
        try:
            return bool(Chat.of(self.user, self.chat_id))
        except Chat.DoesNotExist:
            return False

    # The permission and the message in one call: a second one would be a second connection.
    @in_thread
    def create_message(self, text, client_message_id):
        chat = Chat.of(self.user, self.chat_id)
        if not chat.is_active:
            raise Chat.DoesNotExist
        message = Message.objects.create(
            chat=chat, sender=self.user, client_message_id=client_message_id, text=text
        )
        return {
            "id": message.id,
            "chat_id": chat.id,
            "client_message_id": client_message_id,
            "sender_id": self.user.username,
            "text": text,
            "timestamp": message.timestamp.isoformat(),
        }
