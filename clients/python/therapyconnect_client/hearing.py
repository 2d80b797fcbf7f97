"""What belongs to one run of the line, and to those who listen to it. The next run has its own."""

from __future__ import annotations

from collections.abc import Callable

from therapyconnect_client import frames
from therapyconnect_client.feed import Feed
from therapyconnect_client.happenings import Afresh, Happening
from therapyconnect_client.mailbox import Mailbox
from therapyconnect_client.receipts import Outbound


class Hearing:
    """What was heard and waits, what is to be told of it, and up to where it was handed out.

    Who still reads an earlier run's mailbox writes into that run's cursors and receipts: they may
    be another user's.
    """

    def __init__(self, cursors: dict[str, int], *, limit: int, on_room: Callable[[], None]) -> None:
        self.cursors = cursors
        self.receipts = Outbound()
        self.mailbox: Mailbox[Happening] = Mailbox(limit, on_room=on_room)
        self.feed = Feed(self.mailbox, cursors)

    def place(self, chat_id: str, last_seq: int) -> None:
        """Count what was said in a chat up to now as dealt with, also for the next run."""
        self.feed.begin(chat_id, last_seq)
        self.cursors.setdefault(chat_id, last_seq)

    def handed(self, happening: Happening) -> None:
        """The listener came for the next: they have dealt with this one."""
        if isinstance(happening, Afresh):
            self.cursors[happening.chat_id] = 0
        elif isinstance(happening, frames.Numbered | frames.Unknown) and happening.chat_id:
            self.cursors[happening.chat_id] = happening.seq or 0
