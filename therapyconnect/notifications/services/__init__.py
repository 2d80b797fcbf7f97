"""What makes and changes notifications. Each is one transaction; pushes come after its commit."""

from therapyconnect.notifications.services.notifying import announce, notify
from therapyconnect.notifications.services.publisher import publish, set_publisher
from therapyconnect.notifications.services.reading import mark_read

__all__ = ["announce", "mark_read", "notify", "publish", "set_publisher"]
