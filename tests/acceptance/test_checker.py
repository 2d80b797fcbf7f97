"""The checker by itself: a small history that is right, and each way in which it can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.acceptance.checker import Floor, check
from tests.acceptance.finals import Event, Final
from tests.acceptance.history import History
from tests.acceptance.records import (
    Attempt,
    Changing,
    Entry,
    Life,
    Overheard,
    Reading,
    Revoking,
    Sending,
    Told,
    ToldChange,
)

CHAT, T, P = "CHAT_t_one_p_one", "t_one", "p_one"


def told(seq: int, changed: int, text: str | None, key: str) -> Told:
    return Told(f"MSG_{seq}", seq, T, key, "then", changed, text, text is None)


@dataclass
class Case:
    """Two messages; the first is edited at 3, the second deleted at 4. A socket heard it all."""

    history: History
    final: Final


def right() -> Case:
    first, second = told(1, 3, "new", "a"), told(2, 4, None, "b")
    history = History()
    for at, (one, key) in enumerate(((told(1, 1, "old", "a"), "a"), (told(2, 2, "two", "b"), "b"))):
        sending = Sending(CHAT, T, key, one.text or "", False, at)
        sending.answered, sending.outcome, sending.told, sending.status = (
            at + 0.5,
            "acked",
            one,
            201,
        )
        history.sendings.append(sending)
    edit = Changing(CHAT, T, "MSG_1", "edit", "new", 3, 3.5, "acked", None, 3, first)
    delete = Changing(CHAT, T, "MSG_2", "delete", None, 4, 4.5, "acked", None, 4, second)
    history.changings += [edit, delete]
    history.readings.append(Reading(CHAT, 6, first))
    life = Life("phone", P, "chat", 0)
    life.entries += [
        Entry(0.1, "greeted", CHAT, 0),
        Entry(0.6, "event", CHAT, 1, told(1, 1, "old", "a")),
        Entry(1.6, "event", CHAT, 2, told(2, 2, "two", "b")),
        Entry(3.6, "event", CHAT, 3, change=ToldChange("message_edited", "MSG_1", "new")),
        Entry(4.6, "event", CHAT, 4, change=ToldChange("message_deleted", "MSG_2", None)),
    ]
    history.lives.append(life)
    history.have[("phone", CHAT)] = 4
    history.attempts.append(Attempt("t_two", CHAT, "chat", 404))
    history.revokings.append(Revoking(T, "old phone", 5.0, 1.0, 3.0, 4401, None, [2.0], [401]))
    events = [
        Event(1, "message_created", T, first),
        Event(2, "message_created", T, second),
        Event(3, "message_edited", T, first),
        Event(4, "message_deleted", T, second),
    ]
    seqs = {(user, kind): 0 for user in (T, P) for kind in ("delivered", "read")}
    final = Final(
        CHAT, T, P, 0, [first, second], events, {"MSG_1": ["old"]}, 4, seqs, {T: 0, P: 1}, None
    )
    return Case(history, final)


def test_what_is_right_passes() -> None:
    case = right()
    assert check(case.history, [case.final], Floor()) == []


@pytest.mark.parametrize(
    ("cursor", "violations"), [(4, []), (3, ["missed"])], ids=["has all of it", "has not"]
)
def test_a_greeting_behind_what_a_device_has(cursor: int, violations: list[str]) -> None:
    """By a process that was not told yet. A replay may be empty only for whom it owes nothing."""
    case = right()
    life = Life("phone", P, "chat", 6)
    life.entries += [
        Entry(6.1, "greeted", CHAT, 2),
        Entry(6.2, "asked", CHAT, cursor),
        Entry(6.3, "resumed", CHAT, 4, None, {}),
    ]
    case.history.lives.append(life)
    assert [found.what for found in check(case.history, [case.final], Floor())] == violations


def _lose(case: Case) -> None:
    case.history.sendings.append(
        Sending(CHAT, T, "c", "x", False, 7, 8, "acked", 201, None, told(5, 5, "x", "c"))
    )


def _hear(case: Case, entry: Entry) -> None:
    case.history.lives[0].entries.append(entry)


def _edit(case: Case, **fields: object) -> None:
    for name, value in fields.items():
        setattr(case.history.changings[0], name, value)


def _forget_version(case: Case) -> None:
    case.final.versions["MSG_1"] = []


def _edit_after_delete(case: Case) -> None:
    event = Event(5, "message_edited", T, case.final.messages[1])
    case.final.tail.append(event)
    case.final.last_seq = 5


def _revoke(case: Case, **fields: object) -> None:
    for name, value in fields.items():
        setattr(case.history.revokings[0], name, value)


OLD = told(1, 1, "old", "a")
WRONG: list[tuple[str, Callable[[Case], object]]] = [
    ("lost", _lose),
    ("ghost", lambda c: _hear(c, Entry(5, "event", CHAT, 5, told(5, 5, "x", "c")))),
    ("alien", lambda c: c.history.sendings.pop(0)),
    ("alien", lambda c: c.history.changings.pop()),
    ("gap", lambda c: c.final.tail.pop()),
    ("edits", _forget_version),
    ("edits", _edit_after_delete),
    ("edits", lambda c: _edit(c, seq=2)),
    ("edits", lambda c: _edit(c, text="never kept")),
    ("order", lambda c: setattr(c.history.sendings[0], "asked", 2.0)),
    ("stale", lambda c: c.history.readings.append(Reading(CHAT, 6, OLD))),
    ("stale", lambda c: _hear(c, Entry(9, "event", CHAT, 1, OLD))),
    (
        "answers_differ",
        lambda c: c.history.readings.append(Reading(CHAT, 2, OLD._replace(text="?"))),
    ),
    (
        "answers_differ",
        lambda c: c.history.readings.append(Reading(CHAT, 2, OLD._replace(changed_seq=2))),
    ),
    ("deleted_text", lambda c: c.final.versions.update({"MSG_2": ["two"]})),
    ("unread", lambda c: c.final.unread.update({P: 2})),
    ("repeated", lambda c: _hear(c, c.history.lives[0].entries[-1])),
    ("missed", lambda c: c.history.lives[0].entries.pop(2)),
    ("missed", lambda c: c.history.have.update({("phone", CHAT): 3})),
    ("leak", lambda c: setattr(c.history.attempts[0], "answer", 200)),
    ("leak", lambda c: setattr(c.history.attempts[0], "answer", 403)),
    ("leak", lambda c: setattr(c.history.attempts[0], "held", True)),
    ("leak", lambda c: c.history.overheard.append(Overheard("t_two", CHAT, "new_message"))),
    ("after_revocation", lambda c: _revoke(c, statuses=[401, 200])),
    ("after_revocation", lambda c: _revoke(c, heard=[6.5])),
    ("after_revocation", lambda c: _revoke(c, closed=None, given_up=7.0)),
    ("after_revocation", lambda c: _revoke(c, code=1000)),
    ("broken", lambda c: c.history.broken.append("500")),
]


@pytest.mark.parametrize(
    ("kind", "spoil"), WRONG, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(WRONG)]
)
def test_what_is_wrong_is_named(kind: str, spoil: Callable[[Case], object]) -> None:
    case = right()
    spoil(case)
    found = check(case.history, [case.final], Floor())
    assert kind in {violation.what for violation in found}, found


def test_after_a_kill_the_seconds_count_from_when_it_answered_again() -> None:
    case = right()
    _revoke(case, closed=9.0)
    assert check(case.history, [case.final], Floor())
    case.history.kills.append((2.0, "postgres"))
    case.history.sendings[1].asked, case.history.sendings[1].answered = 2.5, 4.2
    case.history.changings[1].asked = case.history.changings[0].asked = 4.0
    assert check(case.history, [case.final], Floor()) == []
