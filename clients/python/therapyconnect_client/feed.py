"""From the frames of one socket after another to what a listener is told: no gap, no repeat.

Pure: it says what should be asked of the server (`to_resume`), and asks nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from therapyconnect_client import frames
from therapyconnect_client.happenings import Afresh, CaughtUp, ChatGone, Happening
from therapyconnect_client.mailbox import Mailbox
from therapyconnect_client.sequence import Sequence

BUSY: Final = frozenset({"rate_limited", "throttled", "unavailable", "overloaded", "stopping"})
"""Refusals that mean: later."""
HINTS = (
    frames.TypingIndicator,
    frames.Presence,
    frames.MessageReadReceipt,
    frames.MessageDeliveredReceipt,
)
"""What is left out where the listener is far behind: `CaughtUp` brings the receipts again."""


class Broken(Exception):
    """The server did not keep to the protocol; a new socket may do better."""


class Feed:
    """The order of every chat. `cursors` says what of each the listener has already."""

    def __init__(self, mailbox: Mailbox[Happening], cursors: Mapping[str, int]) -> None:
        self._mailbox = mailbox
        self._chats = {chat_id: Sequence[frames.Sequenced](seq) for chat_id, seq in cursors.items()}
        self._begun = set(cursors)
        self._wanted: set[str] = set()
        self._asked: set[str] = set()

    def begun(self, chat_id: str) -> bool:
        """It is known from where on the chat is to be told."""
        return chat_id in self._begun

    def follow(self, chat_ids: Iterable[str]) -> None:
        """A new socket is open: ask for all of these chats, and those that are followed.

        What waited for its turn comes again in the replays; what the last socket said of it may not
        be true any more, as after a restore.
        """
        self._asked.clear()
        for sequence in self._chats.values():
            sequence.drop_ahead()
        for chat_id in chat_ids:
            self._sequence(chat_id)
        self._wanted.update(self._chats)

    def begin(self, chat_id: str, last_seq: int) -> None:
        """Count what was said in a chat up to now as told."""
        self._begun.add(chat_id)
        for event in self._sequence(chat_id).start(last_seq):
            self._mailbox.put(event)

    @property
    def wants(self) -> bool:
        """There may be something to ask for."""
        return bool(self._wanted)

    def to_resume(self) -> dict[str, int]:
        """What to ask for now, by its last number; nothing where the listener has no room."""
        if self._mailbox.full:
            return {}
        now = {chat_id: self._chats[chat_id].have for chat_id in self._wanted - self._asked}
        self._wanted -= now.keys()
        self._asked |= now.keys()
        return now

    def hear(self, frame: frames.Frame) -> None:
        """Take a frame that is for the listener."""
        if isinstance(frame, frames.Numbered | frames.Unknown):
            if frame.chat_id is not None and frame.seq is not None:
                self._hear_event(frame.chat_id, frame.seq, frame)  # type: ignore[arg-type]
        elif isinstance(frame, frames.Resumed):
            self._hear_resumed(frame)
        elif not (isinstance(frame, HINTS) and self._mailbox.full):
            self._mailbox.put(frame)  # type: ignore[arg-type]

    def refused(self, chat_id: str, code: str) -> None:
        """A resume of a chat was refused."""
        self._asked.discard(chat_id)
        if code == "cursor_ahead":
            self._afresh(chat_id)
        elif code in BUSY:
            self._wanted.add(chat_id)
        else:
            # Where it stood is kept: it may be there again, and goes on from there.
            self._wanted.discard(chat_id)
            self._mailbox.put(ChatGone(chat_id, code))

    def _sequence(self, chat_id: str) -> Sequence[frames.Sequenced]:
        return self._chats.setdefault(chat_id, Sequence())

    def _hear_event(self, chat_id: str, seq: int, event: frames.Sequenced) -> None:
        sequence = self._sequence(chat_id)
        if self._mailbox.full:
            # Left out as if it had not come: asked for again once there is room.
            if seq > sequence.have:
                self._wanted.add(chat_id)
            return
        for due in sequence.take(seq, event):
            self._mailbox.put(due)
        if sequence.behind and chat_id not in self._asked:
            self._wanted.add(chat_id)

    def _hear_resumed(self, frame: frames.Resumed) -> None:
        chat_id = frame.chat_id
        self._asked.discard(chat_id)
        sequence = self._sequence(chat_id)
        if frame.gap:
            self._afresh(chat_id)
        elif chat_id in self._wanted or self._mailbox.full:
            self._wanted.add(chat_id)
        elif sequence.have < frame.last_seq:
            raise Broken(f"{chat_id}: resumed to {frame.last_seq}, told up to {sequence.have}")
        else:
            self._mailbox.put(CaughtUp(chat_id, frame.last_seq, frame.receipts))
            if sequence.behind:
                self._wanted.add(chat_id)

    def _afresh(self, chat_id: str) -> None:
        self._sequence(chat_id).afresh()
        self._mailbox.put(Afresh(chat_id))
        self._wanted.add(chat_id)
