"""The checker: a history and the final state in, violations out. Pure; it trusts nobody.

| violation | what it means |
|---|---|
| lost | acknowledged, and not there |
| doubled | one `client_message_id` twice |
| moved | the number that was acknowledged is not the number it has |
| alien | there, and nobody sent it |
| gap | numbers are not 1 to `last_seq`, or the pages and the events differ |
| order | acknowledged before another was asked for, and yet behind it |
| answers_differ | two answers, frames or pages tell one message differently |
| created_twice | two answers 201 under one `client_message_id` |
| missed, repeated, reordered | on a socket |
| went_back | a horizon |
| passed_the_end | a horizon above `last_seq`, or a future receipt that was not refused |
| unread | a count differs from a recount |
| broken | an answer that nothing excuses |
| too_little | the run was too small to mean anything |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.acceptance.finals import Final
from tests.acceptance.history import History, Sending, Told
from tests.acceptance.horizons import check_horizons
from tests.acceptance.lives import check_lives

Key = tuple[str, str | None, str | None]


class Violation(NamedTuple):
    what: str
    where: str
    detail: str


class Floor(NamedTuple):
    """How much a run must hold before it may pass."""

    acks: int = 1
    kills: int = 0
    sockets: int = 0


def check(history: History, finals: Iterable[Final], floor: Floor) -> list[Violation]:
    """Every violation; an empty list means that every promise was kept in this run."""
    by_chat = {final.chat_id: final for final in finals}
    found = [Violation("broken", "", detail) for detail in sorted(set(history.broken))]
    sendings: dict[str, list[Sending]] = defaultdict(list)
    for sending in history.sendings:
        sendings[sending.chat_id].append(sending)
    for chat_id, final in by_chat.items():
        found += check_messages(sendings[chat_id], final)
        found += check_numbers(final)
        found += check_order(sendings[chat_id], final)
        found += check_unread(final)
    found += [Violation(*v) for v in check_lives(history, by_chat)]
    found += [Violation(*v) for v in check_horizons(history, by_chat)]
    measured = Floor(history.acks, len(history.kills), len(history.lives))
    found += [
        Violation("too_little", name, f"{has} of {wanted}")
        for name, has, wanted in zip(Floor._fields, measured, floor)
        if has < wanted
    ]
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
        elif kept != sending.told:
            yield Violation("answers_differ", where, f"{sending.key}: {sending.told} and {kept}")
        if sending.status == 201:
            if key in created:
                yield Violation("created_twice", where, sending.key)
            created.add(key)
    for key, told in there.items():
        source = asked.get(key)
        if source is None or source.text != told.text:
            yield Violation("alien", where, f"{told.key} at {told.seq}")


def check_numbers(final: Final) -> Iterator[Violation]:
    """Numbers are 1 to `last_seq`, and pages, events and the detail tell the same story."""
    where = final.chat_id
    numbers = [seq for seq, _ in final.events]
    if numbers != list(range(1, final.last_seq + 1)):
        absent = sorted(set(range(1, final.last_seq + 1)) - set(numbers))
        yield Violation("gap", where, f"last_seq {final.last_seq}, absent {absent[:10]}")
    told = [message for _, message in final.events if message is not None]
    if told != final.messages:
        yield Violation("gap", where, f"{len(told)} in events, {len(final.messages)} in history")
    if final.messages and final.last_text != final.messages[-1].text:
        yield Violation("answers_differ", where, "the last message in the chat's detail")


def check_order(sendings: list[Sending], final: Final) -> Iterator[Violation]:
    """ack(a) before ask(b) means seq a < seq b; one sweep over both in time."""
    seqs = {(told.sender_id, told.key): told.seq for told in final.messages}
    first_ask: dict[tuple[str, str], float] = {}
    first_ack: dict[tuple[str, str], float] = {}
    for sending in sendings:
        key = (sending.sender_id, sending.key)
        first_ask[key] = min(sending.asked, first_ask.get(key, sending.asked))
        if sending.told is not None and sending.answered is not None:
            first_ack[key] = min(sending.answered, first_ack.get(key, sending.answered))
    # At the same instant the ask comes first: it is not after the ack.
    moments = [(at, 0, key) for key, at in first_ask.items() if key in seqs]
    moments += [(at, 1, key) for key, at in first_ack.items() if key in seqs]
    highest, holder = 0, ("", "")
    for _, is_ack, key in sorted(moments):
        seq = seqs[key]
        if is_ack and seq > highest:
            highest, holder = seq, key
        elif not is_ack and seq < highest:
            detail = f"{holder[1]} ({highest}) was acked before {key[1]} ({seq}) was asked"
            yield Violation("order", final.chat_id, detail)


def check_unread(final: Final) -> Iterator[Violation]:
    """Unread is what the other said above my read horizon."""
    for reader, other in (
        (final.therapist_id, final.patient_id),
        (final.patient_id, final.therapist_id),
    ):
        read = final.seqs[(reader, "read")]
        count = sum(1 for told in final.messages if told.sender_id == other and told.seq > read)
        if count != final.unread[reader]:
            detail = f"{reader}: told {final.unread[reader]}, counted {count}"
            yield Violation("unread", final.chat_id, detail)
