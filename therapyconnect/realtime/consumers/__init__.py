"""One object per socket: frames in, services called, answers out. No rule of the domain here."""

from therapyconnect.realtime.consumers.chat import ChatConsumer
from therapyconnect.realtime.consumers.notifications import NotificationConsumer

__all__ = ["ChatConsumer", "NotificationConsumer"]
