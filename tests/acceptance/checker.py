"""The checker: a history and the final state in, violations out. Pure; it trusts nobody.

| violation | what it means |
|---|---|
| lost | acknowledged, and not there |
| ghost | heard on a socket, never acknowledged, and not there |
| doubled | one `client_message_id` twice |
| moved | the number that was acknowledged is not the number it has |
| alien | there, and nobody asked for it |
| gap | numbers are not 1 to `last_seq`, or the pages and the events differ |
| order | acknowledged before another was asked for, and yet behind it |
| edits | an acknowledged edit is not in the history once and in its place, or follows a delete |
| answers_differ | two answers, frames or pages tell differently of one message at one number |
| stale | told as it was before a change that had been acknowledged |
| deleted_text | what was deleted was shown |
| created_twice | two answers 201 under one `client_message_id` |
| missed, repeated, reordered | on a socket |
| went_back | a horizon |
| passed_the_end | a horizon above `last_seq`, or a future receipt that was not refused |
| unread | a count differs from a recount |
| leak | an outsider got an answer other than "no such thing", or heard something of the chat |
| after_revocation | a session that was ended still heard, asked, or held its socket |
| broken | an answer that nothing excuses |
| too_little | the run was too small to mean anything |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from tests.acceptance.finals import Final
from tests.acceptance.history import History
from tests.acceptance.horizons import check_horizons
from tests.acceptance.lives import check_lives
from tests.acceptance.outside import check_leaks, check_revocations
from tests.acceptance.records import Changing, Reading, Sending, Told
from tests.acceptance.stories import check_changes, check_told, stories_of

Key = tuple[str, str | None, str | None]
Record = TypeVar("Record", Sending, Changing, Reading)


class Violation(NamedTuple):
    what: str
    where: str
    detail: str


class Floor(NamedTuple):
    """How much a run must hold before it may pass."""

    acks: int = 1
    kills: int = 0
    sockets: int = 0
    changes: int = 0
    tries: int = 0
    revoked: int = 0

    @classmethod
    def of(cls, history: History) -> Floor:
        """What a run holds."""
        return cls(
            acks=history.acks,
            kills=len(history.kills),
            sockets=len(history.lives),
            changes=history.changes,
            tries=history.tries,
            revoked=history.revoked,
        )

    def reached(self, history: History) -> bool:
        return all(has >= wanted for has, wanted in zip(Floor.of(history), self))


def check(history: History, finals: Iterable[Final], floor: Floor) -> list[Violation]:
    """Every violation; an empty list means that every promise was kept in this run."""
    by_chat = {final.chat_id: final for final in finals}
    found = [Violation("broken", "", detail) for detail in sorted(set(history.broken))]
    sendings = _by_chat(history.sendings)
    changings, readings = _by_chat(history.changings), _by_chat(history.readings)
    stories = {
        chat_id: stories_of(final, sendings[chat_id], changings[chat_id])
        for chat_id, final in by_chat.items()
    }
    for chat_id, final in by_chat.items():
        sent, changed, told = sendings[chat_id], changings[chat_id], stories[chat_id]
        found += check_messages(sent, final)
        found += check_numbers(final)
        found += check_order(sent, changed, final)
        found += check_unread(final)
        found += [Violation(*v) for v in check_changes(final, told, changed)]
        found += [
            Violation(*v) for v in check_told(chat_id, told, sent, changed, readings[chat_id])
        ]
    found += [Violation(*v) for v in check_lives(history, by_chat, stories)]
    found += [Violation(*v) for v in check_horizons(history, by_chat)]
    found += [Violation(*v) for v in check_leaks(history)]
    found += [Violation(*v) for v in check_revocations(history)]
    found += [
        Violation("too_little", name, f"{has} of {wanted}")
        for name, has, wanted in zip(Floor._fields, Floor.of(history), floor)
        if has < wanted
    ]
    return found


def _by_chat(records: Iterable[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[record.chat_id].append(record)
    return found


def check_messages(sendings: list[Sending], final: Final) -> Iterator[Violation]:
    """Each acknowledged message is there once, as acknowledged; and nothing else is."""
    where = final.chat_id
    there: dict[Key, Told] = {}
    for told in final.messages:
        key = (where, told.sender_id, told.key)
        if told.key is not None and key in there:
            yield Violation("doubled", where, f"{told.key}: {there[key].seq} and {told.seq}")
        there[key] = told
    asked: dict[Key, Sending] = {}
    created: set[Key] = set()
    for sending in sendings:
        key = (where, sending.sender_id, sending.key)
        asked.setdefault(key, sending)
        if sending.told is None:
            continue
        kept = there.get(key)
        if kept is None:
            yield Violation("lost", where, f"{sending.key}, acknowledged as {sending.told.seq}")
        elif kept.seq != sending.told.seq or kept.id != sending.told.id:
            yield Violation("moved", where, f"{sending.key}: {sending.told.seq} is {kept.seq}")
        if sending.status == 201:
            if key in created:
                yield Violation("created_twice", where, sending.key)
            created.add(key)
    for key, told in there.items():
        source = asked.get(key)
        # What it said first: the whole text where it was never edited, else the first version.
        first = next(iter(final.versions.get(told.id) or ()), told.text)
        if source is None or (first != source.text and not told.deleted):
            yield Violation("alien", where, f"{told.key} at {told.seq}")


def check_numbers(final: Final) -> Iterator[Violation]:
    """Numbers are 1 to `last_seq`, and pages, events and the detail tell the same story."""
    where = final.chat_id
    numbers = [event.seq for event in final.events]
    wanted = range(final.begin + 1, final.last_seq + 1)
    if numbers != list(wanted):
        absent = sorted(set(wanted) - set(numbers))
        yield Violation("gap", where, f"last_seq {final.last_seq}, absent {absent[:10]}")
    told = [event.told for event in final.events if event.type == "message_created"]
    if told != final.messages:
        yield Violation("gap", where, f"{len(told)} in events, {len(final.messages)} in history")
    pages = {told.id: told for told in final.messages}
    for event in final.events:
        if event.told is not None and event.told != pages.get(event.told.id, event.told):
            yield Violation("answers_differ", where, f"event {event.seq} and the history's page")
    if final.messages and final.last_text != final.messages[-1].text:
        yield Violation("answers_differ", where, "the last message in the chat's detail")


def check_order(
    sendings: list[Sending], changings: list[Changing], final: Final
) -> Iterator[Violation]:
    """ack(a) before ask(b) means seq a < seq b; one sweep over both in time.

    Of deletes and restores only the acks count: one that changed nothing has an older number.
    """
    seqs: dict[object, int] = {(told.sender_id, told.key): told.seq for told in final.messages}
    first_ask: dict[object, float] = {}
    first_ack: dict[object, float] = {}
    for sending in sendings:
        key: object = (sending.sender_id, sending.key)
        first_ask[key] = min(sending.asked, first_ask.get(key, sending.asked))
        if sending.told is not None and sending.answered is not None:
            first_ack[key] = min(sending.answered, first_ack.get(key, sending.answered))
    for changing in changings:
        if changing.seq is not None and changing.answered is not None:
            key = (changing.kind, changing.seq, changing.asked)
            seqs[key], first_ack[key] = changing.seq, changing.answered
            if changing.kind == "edit":
                first_ask[key] = changing.asked
    # At the same instant the ask comes first: it is not after the ack.
    moments = [(at, 0, seqs[key], key) for key, at in first_ask.items() if key in seqs]
    moments += [(at, 1, seqs[key], key) for key, at in first_ack.items() if key in seqs]
    highest, holder = 0, object()
    for _, is_ack, seq, key in sorted(moments, key=lambda moment: moment[:3]):
        if is_ack and seq > highest:
            highest, holder = seq, key
        elif not is_ack and seq < highest:
            detail = f"{holder} ({highest}) was acked before {key} ({seq}) was asked"
            yield Violation("order", final.chat_id, detail)


def check_unread(final: Final) -> Iterator[Violation]:
    """Unread is what the other said, or put back, above my read horizon."""
    standing: dict[str, tuple[int, Told]] = {}
    for event in final.tail:
        if event.told is not None and event.type in ("message_created", "message_restored"):
            standing[event.told.id] = (event.seq, event.told)
    for reader, other in (
        (final.therapist_id, final.patient_id),
        (final.patient_id, final.therapist_id),
    ):
        read = final.seqs[(reader, "read")]
        count = sum(
            1
            for seq, told in standing.values()
            if told.sender_id == other and seq > read and not told.deleted
        )
        if count != final.unread[reader]:
            detail = f"{reader}: told {final.unread[reader]}, counted {count}"
            yield Violation("unread", final.chat_id, detail)
