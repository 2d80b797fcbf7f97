"""What a socket may say: each event once, in order, from where it began.

The one exception, after a `resume`: what was pushed before it was read may come again in its
replay, which begins right after the cursor asked for, and from whose start each event comes once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from tests.acceptance.finals import Final
from tests.acceptance.history import Entry, History, Life, Told

Found = tuple[str, str, str]
BEGUN = -2
"""In place of the cursor of a resume whose replay has begun."""


def check_lives(history: History, finals: Mapping[str, Final]) -> Iterator[Found]:
    """Each socket by itself, then each device over all its sockets."""
    kept = {chat_id: dict(final.events) for chat_id, final in finals.items()}
    for life in history.lives:
        entries: dict[str, list[Entry]] = {}
        for entry in life.entries:
            entries.setdefault(entry.chat_id, []).append(entry)
        for chat_id, own in entries.items():
            if chat_id in finals:
                yield from check_life(life, chat_id, own)
                yield from _check_content(life, chat_id, own, kept[chat_id])
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
            if asked:
                asked.popleft()
            if position is not None and position < seq:
                yield "missed", chat_id, f"{life.device}: resumed at {seq} after {position}"
            position = max(seq, position or 0)
        elif entry.what in ("event", "ack", "answer"):
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


def _check_content(
    life: Life, chat_id: str, entries: list[Entry], kept: Mapping[int, Told | None]
) -> Iterator[Found]:
    for entry in entries:
        if entry.told is None:
            continue
        if entry.seq not in kept:
            yield "lost", chat_id, f"{life.device} heard {entry.seq}, which is not there"
        elif kept[entry.seq] != entry.told:
            detail = f"{life.device} heard {entry.told}, kept is {kept[entry.seq]}"
            yield "answers_differ", chat_id, detail
