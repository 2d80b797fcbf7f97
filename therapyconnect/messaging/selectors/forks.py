"""Cursors after a restore: the same numbers may have been given twice.

A backup holds a chat up to, say, 100. What was said as 101 to 120 after it is lost by the
restore, and 101 is given again, to other words. A client that comes back with "I have everything
up to 120" is found out while the chat ends before that; but once the chat has reached 120 anew, it
would miss twenty messages for ever.

So a cursor above the number that the restore ended at (`Chat.forked_seq`) is trusted only once its
session has been sent to begin afresh, or has read on from below. A restore ends all sessions, so
each belongs to one device that has logged in since. This memory is the process's own: after a new
start a session may be sent to begin afresh once more, which costs it a page and never a message.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from therapyconnect.accounts.principal import Principal
from therapyconnect.messaging.selectors.access import ChatAccess

_KEPT: Final = 100_000
_acquainted: OrderedDict[tuple[str, int, str], None] = OrderedDict()
_lock = Lock()


def trusted(viewer: Principal, chat: ChatAccess, after_seq: int) -> bool:
    """Whether the cursor can't be of before a restore. Asked again, it is: the client was told."""
    if chat.forked_seq is None:
        return True
    # Several devices come under one outside identity; what differs is when their tokens end.
    key = (viewer.session_id, viewer.expires_at if viewer.outside else 0, chat.id)
    with _lock:
        known = key in _acquainted
        _acquainted[key] = None
        _acquainted.move_to_end(key)
        while len(_acquainted) > _KEPT:
            _acquainted.popitem(last=False)
    return known or after_seq <= chat.forked_seq
