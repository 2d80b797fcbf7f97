"""What each message went through, number by number; and whether what was told of it fits.

A message is told with its `changed_seq`, and at that number it said one thing only. So each
answer, frame and page, whenever it came, must say exactly that.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.acceptance.finals import Event, Final
from tests.acceptance.records import Changing, Entry, Reading, Sending, Told

Found = tuple[str, str, str]
CHANGES = {
    "message_edited": "edit",
    "message_deleted": "delete",
    "message_restored": "restore",
}


class State(NamedTuple):
    """From one number on: what a message says; `texts` are more than one where nobody can know."""

    type: str
    texts: frozenset[str]
    deleted: bool


@dataclass(slots=True)
class Story:
    """One message. `states` are by the number that began them."""

    final: Told
    events: list[Event] = field(default_factory=list)
    states: dict[int, State] = field(default_factory=dict)

    def fault(self, told: Told) -> Found | None:
        """What is wrong with how an answer, frame or page told it."""
        where = ""
        if told.fixed != self.final.fixed:
            return "answers_differ", where, f"{told} and {self.final}"
        if told.deleted and told.text is not None:
            return "deleted_text", where, f"{told.key} was told with its text"
        state = self.states.get(told.changed_seq)
        if state is None:
            return "answers_differ", where, f"{told.key} had no change {told.changed_seq}"
        if told.deleted != state.deleted or not (told.deleted or told.text in state.texts):
            detail = f"{told.key} at {told.changed_seq} was told as {told}, and was {state}"
            return "answers_differ", where, detail
        return None


def stories_of(
    final: Final, sendings: list[Sending], changings: list[Changing]
) -> dict[str, Story]:
    """By message id; what a message says at each number, as far as REST shows it or it was acked.

    Of a deleted message REST shows nothing: there its edits say what they were acked with, and an
    edit that was never answered may say anything that was asked for in vain.
    """
    stories = {told.id: Story(told) for told in final.messages}
    asked = {(s.sender_id, s.key): s.text for s in sendings}
    acked = {c.seq: c.text for c in changings if c.kind == "edit" and c.outcome == "acked"}
    open_edits: dict[str, set[str]] = defaultdict(set)
    for changing in changings:
        if changing.text is not None and changing.outcome == "unknown":
            open_edits[changing.message_id].add(changing.text)
    for event in final.events:
        if event.told is not None and event.told.id in stories:
            stories[event.told.id].events.append(event)
    for message_id, story in stories.items():
        told = story.final
        shown = None if told.text is None else [*final.versions.get(message_id, []), told.text]
        texts = frozenset({asked.get((told.sender_id or "", told.key or ""), told.text or "")})
        edits, deleted = 0, False
        for event in story.events:
            if event.type == "message_edited":
                edits += 1
                if shown is not None and edits < len(shown):
                    texts = frozenset({shown[edits]})
                elif (text := acked.get(event.seq)) is not None:
                    texts = frozenset({text})
                else:
                    texts = frozenset(open_edits[message_id])
            elif event.type in ("message_deleted", "message_restored"):
                deleted = event.type == "message_deleted"
            story.states[event.seq] = State(event.type, texts, deleted)
    return stories


def check_changes(
    final: Final, stories: Mapping[str, Story], changings: list[Changing]
) -> Iterator[Found]:
    """Each acked change is there once at its number, each edit in the history, none in between."""
    by_message: dict[str, list[Changing]] = defaultdict(list)
    for changing in changings:
        by_message[changing.message_id].append(changing)
    for message_id in by_message.keys() - stories.keys():
        yield "lost", final.chat_id, f"{message_id}, which was amended"
    for message_id, story in stories.items():
        own = by_message[message_id]
        yield from _check_course(final, story, own)
        yield from _check_versions(final, story, own)


def _check_course(final: Final, story: Story, own: list[Changing]) -> Iterator[Found]:
    """The message's events by themselves, and against what was asked and acked."""
    where, key = final.chat_id, story.final.key
    deleted = False
    acked = {(c.kind, c.seq) for c in own if c.outcome == "acked"}
    unclaimed: Counter[str] = Counter()
    for event in story.events:
        if (event.type == "message_created") != (event.seq == story.final.seq):
            yield "gap", where, f"{key} is {event.type} at {event.seq}"
        kind = CHANGES.get(event.type)
        if kind is None:
            continue
        if deleted == (kind != "restore"):
            yield "edits", where, f"{key}: {kind} at {event.seq}, while deleted is {deleted}"
        deleted = kind == "delete"
        if event.actor_id != story.final.sender_id:
            yield "alien", where, f"{key}: {kind} at {event.seq} by {event.actor_id}"
        if (kind, event.seq) not in acked:
            unclaimed[kind] += 1
    unanswered = Counter[str](c.kind for c in own if c.outcome == "unknown")
    for kind, count in unclaimed.items():
        if count > unanswered[kind]:
            yield "alien", where, f"{key}: {count} of {kind}, {unanswered[kind]} asked in vain"
    types = {event.seq: event.type for event in story.events}
    for changing in own:
        if changing.outcome == "acked":
            wanted = [name for name, kind in CHANGES.items() if kind == changing.kind]
            there = types.get(changing.seq or 0)
            # A restore of what is not deleted changes nothing, and tells how the message stands.
            if there not in wanted and not (changing.kind == "restore" and there is not None):
                detail = f"{key}: {changing.kind} acked as {changing.seq}, there is {there}"
                yield "edits" if changing.kind == "edit" else "lost", where, detail
        elif changing.code == "message_deleted" and not _may_be_deleted(changing, own):
            yield "broken", where, f"{key}: refused as deleted, and nobody deleted it"
    last = max(types, default=story.final.seq)
    if story.final.changed_seq != last:
        yield "gap", where, f"{key} changed at {last}, is told as of {story.final.changed_seq}"


def _may_be_deleted(refused: Changing, own: list[Changing]) -> bool:
    """Whether some delete may have held when that was refused."""
    return any(
        c.kind == "delete" and c.outcome != "refused" and c.asked < (refused.answered or 0)
        for c in own
    )


def _check_versions(final: Final, story: Story, own: list[Changing]) -> Iterator[Found]:
    where, told = final.chat_id, story.final
    edited = [event.seq for event in story.events if event.type == "message_edited"]
    versions = final.versions.get(told.id, [])
    if told.deleted:
        if versions:
            yield "deleted_text", where, f"{told.key} is deleted and shows {len(versions)} versions"
        return
    if len(versions) != len(edited):
        yield "edits", where, f"{told.key}: {len(edited)} edits, {len(versions)} earlier versions"
    said = [*versions, told.text]
    if len(set(said)) != len(said):
        yield "edits", where, f"{told.key}: one edit twice"
    acked = {c.text: c.seq for c in own if c.kind == "edit" and c.outcome == "acked"}
    asked = {c.text for c in own if c.kind == "edit" and c.outcome != "refused"}
    for text in acked.keys() - set(said):
        yield "edits", where, f"{told.key}: the edit acked as {acked[text]} is not in its history"
    for seq, text in zip(edited, said[1:]):
        if text not in asked:
            yield "alien", where, f"{told.key}: words at {seq} that nobody asked for"
        elif text in acked and acked[text] != seq:
            yield "edits", where, f"{told.key}: the edit acked as {acked[text]} is at {seq}"


class Acked:
    """The numbers of acked changes by message, to find out what was told too late."""

    def __init__(self, changings: list[Changing]) -> None:
        self._moments: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for c in changings:
            if c.answered is not None and c.seq is not None:
                self._moments[c.message_id].append((c.answered, c.seq))

    def before(self, message_id: str, at: float) -> int:
        """The highest number that was acked before `at`; 0 where none was."""
        moments = self._moments.get(message_id, ())
        return max((seq for answered, seq in moments if answered < at), default=0)


def check_told(
    where: str,
    stories: Mapping[str, Story],
    sendings: list[Sending],
    changings: list[Changing],
    readings: list[Reading],
) -> Iterator[Found]:
    """Every answer fits its message's story, and is not older than what was acked before."""
    acked = Acked(changings)
    answers = [(s.asked, s.told) for s in sendings if s.told is not None]
    answers += [(c.asked, c.told) for c in changings if c.told is not None]
    answers += [(reading.asked, reading.told) for reading in readings]
    for asked, told in answers:
        story = stories.get(told.id)
        if story is None or story.final.key != told.key:
            continue  # lost or moved, which others see
        fault = story.fault(told)
        if fault is not None:
            yield fault[0], where, fault[2]
        if told.changed_seq < (known := acked.before(told.id, asked)):
            yield "stale", where, f"{told.key} told as of {told.changed_seq}, acked was {known}"


def check_frame(entry: Entry, event: Event, story: Story) -> Found | None:
    """Whether a change that a socket heard is what happened at that number."""
    change = entry.change
    if change is None:
        return None
    if (event.type, story.final.id) != (change.type, change.message_id):
        if entry.what == "answer":
            return None  # it changed nothing, and tells of the message's latest change
        detail = f"heard {change.type} of {change.message_id}, there is {event.type}"
        return "answers_differ", entry.chat_id, f"{entry.seq}: {detail}"
    if change.type != "message_edited":
        return None
    if change.text is None:
        over = any(
            e.seq > entry.seq and e.type in ("message_edited", "message_deleted")
            for e in story.events
        )
        return None if over else ("answers_differ", entry.chat_id, f"{entry.seq} without its words")
    if change.text not in story.states[entry.seq].texts:
        return "answers_differ", entry.chat_id, f"{entry.seq} was heard with other words"
    return None
