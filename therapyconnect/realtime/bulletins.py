"""Which notifications were told here, so that a look into the database tells the others, once."""

from __future__ import annotations

from datetime import datetime

from therapyconnect.core import clock
from therapyconnect.core.hub import Notified
from therapyconnect.notifications.shapes import Notification


class Bulletins:
    """Of the users who are connected here. On the loop only."""

    def __init__(self) -> None:
        self._here_since: dict[str, datetime] = {}
        self._told: dict[str, datetime] = {}
        """id of a notification -> when it was made; of the last looks only."""

    def came(self, user_id: str) -> None:
        self._here_since[user_id] = clock.now()

    def left(self, user_id: str) -> None:
        self._here_since.pop(user_id, None)

    def tells(self, push: Notified) -> bool:
        """Whether it has not been told yet; from now on it has."""
        told: Notification = push.notification
        if told.id in self._told:
            return False
        self._told[told.id] = told.created_at
        return True

    def missed(self, user_id: str, notification: Notification) -> bool:
        """Whether the user was here when it was made and has not heard it.

        Who came later finds it in their list.
        """
        since = self._here_since.get(user_id)
        return since is not None and since <= notification.created_at

    def forget_before(self, moment: datetime) -> None:
        """A look asks for nothing older than this any more."""
        self._told = {id: at for id, at in self._told.items() if at >= moment}
