"""The rows of a conversation. Everything of a chat hangs on `chat_id`."""

from therapyconnect.messaging.models.chat import Chat
from therapyconnect.messaging.models.emergency import EmergencyAlert
from therapyconnect.messaging.models.event import ChatEvent
from therapyconnect.messaging.models.message import Message, MessageType, MessageVersion
from therapyconnect.messaging.models.receipt import Receipt
from therapyconnect.messaging.models.room import ChatRoom, RoomType

__all__ = [
    "Chat",
    "ChatEvent",
    "ChatRoom",
    "EmergencyAlert",
    "Message",
    "MessageType",
    "MessageVersion",
    "Receipt",
    "RoomType",
]
