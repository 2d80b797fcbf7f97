"""Cursors after a restore: the same numbers may have been given twice.

A backup holds a chat up to, say, 100. What was said as 101 to 120 after it is lost by the
restore, and 101 is given again, to other words. A client that comes back with "I have everything
up to 120" is found out while the chat ends before that; but once the chat has reached 120 anew, it
would miss twenty messages for ever.

So after a restore (`Chat.forked_seq`, 0 then) no cursor is trusted before its session has been sent
to begin afresh. It was told with the number that the chat had reached; a cursor from before it is
told again, for then the answer was lost or not heeded; so is one that happens to be that very
number, until the chat has gone on. A session that reads on from the beginning
needs no telling. A restore ends all sessions, so each belongs to a device that has logged in since;
windows that share one session count as one. This memory is the process's own: another process, or
a new start, may send a session to begin afresh once more, which costs it a page.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from therapyconnect.accounts.principal import Principal
from therapyconnect.messaging.selectors.access import ChatAccess

_KEPT: Final = 100_000
_begun: OrderedDict[tuple[str, int, str], int] = OrderedDict()
"""Of a session and a chat, from which number on its cursors are trusted."""
_lock = Lock()


def trusted(viewer: Principal, chat: ChatAccess, after_seq: int) -> bool:
    """Whether the cursor can't be of before a restore; else the client is to be told."""
    if chat.forked_seq is None:
        return True
    # Several devices come under one outside identity; what differs is when their tokens end.
    key = (viewer.session_id, viewer.expires_at if viewer.outside else 0, chat.id)
    with _lock:
        since = _begun.get(key)
        below = after_seq <= chat.forked_seq
        known = below or (since is not None and after_seq >= since)
        if below:
            _begun[key] = 0
        elif not known:
            _begun[key] = max(chat.last_seq, after_seq + 1)
        if key in _begun:
            _begun.move_to_end(key)
        while len(_begun) > _KEPT:
            _begun.popitem(last=False)
    return known
