"""Who is there: a user is online while a socket of theirs is open, on whatever device.

Known in memory only, so that nobody is left a ghost by a crash. Who holds a user here is a socket
of this process, or the name of another node that has one.
"""

from __future__ import annotations

from collections.abc import Callable


class PresenceBoard:
    """`changed(user_id, online)` is called when the first holder comes and when the last is gone.

    Written on the loop only; `online` may be asked from any thread.
    """

    def __init__(self, changed: Callable[[str, bool], None]) -> None:
        self._changed = changed
        self._holders: dict[str, set[object]] = {}

    def online(self, user_id: str) -> bool:
        return user_id in self._holders

    def came(self, user_id: str, holder: object) -> None:
        first = user_id not in self._holders
        self._holders.setdefault(user_id, set()).add(holder)
        if first:
            self._changed(user_id, True)

    def gone(self, user_id: str, holder: object) -> None:
        holders = self._holders.get(user_id)
        if holders is None or holder not in holders:
            return
        holders.discard(holder)
        if not holders:
            del self._holders[user_id]
            self._changed(user_id, False)
