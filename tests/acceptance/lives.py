"""What a socket may say: each event once, in order, from where it began.

The one exception, after a `resume`: what was pushed before it was read may come again in its
replay, which begins right after the cursor asked for, and from whose start each event comes once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from tests.acceptance.finals import Event, Final
from tests.acceptance.history import History
from tests.acceptance.records import Entry, Life
from tests.acceptance.stories import Acked, Story, check_frame

Found = tuple[str, str, str]
BEGUN = -2
"""In place of the cursor of a resume whose replay has begun."""


HEARD = ("event", "ack", "answer")


def check_lives(
    history: History,
    finals: Mapping[str, Final],
    stories: Mapping[str, Mapping[str, Story]],
) -> Iterator[Found]:
    """Each socket by itself, then each device over all its sockets."""
    acked = {(s.sender_id, s.key) for s in history.sendings if s.told is not None}
    contents = {
        chat_id: Content(final, stories[chat_id], acked, Acked(history.changings))
        for chat_id, final in finals.items()
    }
    for life in history.lives:
        entries: dict[str, list[Entry]] = {}
        for entry in life.entries:
            entries.setdefault(entry.chat_id, []).append(entry)
        for chat_id, own in entries.items():
            if chat_id in finals:
                yield from check_life(life, chat_id, own)
                yield from contents[chat_id].check(life, own)
    for (device, chat_id), have in history.have.items():
        if chat_id in finals and have < finals[chat_id].last_seq:
            detail = f"{device} has {have} of {finals[chat_id].last_seq} at the quiet end"
            yield "missed", chat_id, detail


def check_life(life: Life, chat_id: str, entries: list[Entry]) -> Iterator[Found]:
    """One chat on one socket."""
    position: int | None = None
    asked: deque[int] = deque()
    heard: set[int] = set()
    ahead: set[int] = set()
    for entry in entries:
        seq = entry.seq
        if entry.what == "greeted":
            position = seq
        elif entry.what == "asked":
            asked.append(seq)
        elif entry.what == "broken":
            # It said that it could not resume: from here on the client begins anew.
            return
        elif entry.what == "resumed":
            cursor = asked.popleft() if asked else BEGUN
            # Greeted behind what the device has, as by a process that was not told yet, and its
            # replay was empty: up to its cursor it has everything.
            if position is not None and max(position, cursor) < seq:
                yield "missed", chat_id, f"{life.device}: resumed at {seq} after {position}"
            position = max(seq, position or 0)
        elif entry.what in HEARD:
            if position is None or seq == position + 1:
                position = seq
                if entry.what == "answer":
                    ahead.add(seq)
            elif entry.what != "answer" and seq in ahead:
                # The answer to a retry overtook the event: what it tells was there already.
                ahead.discard(seq)
            elif asked and seq == asked[0] + 1:
                # The replay begins. From here on nothing of it may come again.
                asked[0] = BEGUN
                position = seq
            elif entry.what == "answer" or (entry.what == "ack" and seq in heard):
                # An answer to a retry tells of a message that may have come long ago, or not yet;
                # an ack of a message that a replay was quicker to bring still is the ack.
                continue
            elif seq > position:
                yield "missed", chat_id, f"{life.device}: {seq} after {position}"
                position = seq
            else:
                what = "repeated" if seq in heard else "reordered"
                yield what, chat_id, f"{life.device}: {seq} after {position}"
            heard.add(seq)


class Content:
    """What was said in one chat, to hold against what its sockets heard."""

    def __init__(
        self,
        final: Final,
        stories: Mapping[str, Story],
        acked_keys: set[tuple[str, str]],
        acked: Acked,
    ) -> None:
        self.begin = final.begin
        self.events: dict[int, Event] = {event.seq: event for event in final.events}
        self.stories, self.acked_keys, self.acked = stories, acked_keys, acked

    def check(self, life: Life, entries: list[Entry]) -> Iterator[Found]:
        """Each frame tells what there is, as it stood; and nothing older than was known there."""
        greeted, asked = 0, life.opened
        heard: dict[str, int] = {}
        for entry in entries:
            if entry.what == "greeted":
                greeted = entry.seq
            elif entry.what == "asked":
                asked = entry.at
            if entry.what not in HEARD or entry.seq <= self.begin:
                continue
            named = entry.told.id if entry.told else entry.change and entry.change.message_id
            story = self.stories.get(named or "")
            told, event = entry.told, self.events.get(entry.seq)
            if event is None or (named and story is None):
                yield self._ghost(life, entry)
                continue
            if story is None:
                continue
            if told is not None and told.key != story.final.key:
                yield self._ghost(life, entry)
                continue
            fault = story.fault(told) if told else None
            fault = fault or check_frame(entry, event, story)
            if fault is not None:
                yield fault[0], entry.chat_id, f"{life.device}: {fault[2]}"
            if told is not None and entry.what != "answer":
                known = heard.get(told.id, 0)
                if life.kind == "chat" and entry.seq <= greeted:
                    # Older than the greeting, so read for this replay: as it stands now.
                    known = max(known, self.acked.before(told.id, asked))
                if told.changed_seq < known:
                    detail = f"{life.device}: {told.key} as of {told.changed_seq} after {known}"
                    yield "stale", entry.chat_id, detail
            if entry.change is not None and entry.what != "answer":
                heard[story.final.id] = max(entry.seq, heard.get(story.final.id, 0))

    def _ghost(self, life: Life, entry: Entry) -> Found:
        """Heard, and not there: lost where it was acknowledged, else it never should have been."""
        told = entry.told
        key = (told.sender_id or "", told.key or "") if told else ("", "")
        what = "lost" if key in self.acked_keys else "ghost"
        name = told.key if told else entry.change and entry.change.type
        return what, entry.chat_id, f"{life.device} heard {entry.seq} ({name}), which is not there"
