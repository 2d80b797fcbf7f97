"""Who is there: a user is online while a socket of theirs is open, on whatever device.

Known here only, so that nobody is left a ghost by a crash.
"""

from __future__ import annotations

from collections.abc import Callable


class PresenceBoard:
    """`changed(user_id, online)` is called when the first socket comes and when the last is gone.

    Written on the loop only; `online` may be asked from any thread.
    """

    def __init__(self, changed: Callable[[str, bool], None]) -> None:
        self._changed = changed
        self._sockets: dict[str, set[object]] = {}

    def online(self, user_id: str) -> bool:
        return user_id in self._sockets

    def came(self, user_id: str, socket: object) -> None:
        first = user_id not in self._sockets
        self._sockets.setdefault(user_id, set()).add(socket)
        if first:
            self._changed(user_id, True)

    def gone(self, user_id: str, socket: object) -> None:
        sockets = self._sockets.get(user_id)
        if sockets is None or socket not in sockets:
            return
        sockets.discard(socket)
        if not sockets:
            del self._sockets[user_id]
            self._changed(user_id, False)
