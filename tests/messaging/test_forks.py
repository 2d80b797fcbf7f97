"""A cursor above a restore's end is trusted once its session was told, and by that session only."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import fields

from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.tokens import OUTSIDE
from therapyconnect.messaging.policies.standing import Standing
from therapyconnect.messaging.selectors.access import ACCESS_WIDTH, ChatAccess, access_from_row
from therapyconnect.messaging.selectors.forks import trusted


def chat(forked_seq: int | None) -> ChatAccess:
    """A chat that ends at 120."""
    facts = [False] * len(fields(Standing))
    names = [field.name for field in fields(ChatAccess)][4:]
    numbers = [{"last_seq": 120, "forked_seq": forked_seq}.get(name, 0) for name in names]
    row = (f"CHAT_{secrets.token_hex(4)}", "t_abc123", "p_xyz789", *facts, *numbers)
    assert len(row) == ACCESS_WIDTH
    return access_from_row(row)


def person(session_id: str = "", expires_at: int = 1) -> Principal:
    session_id = session_id or secrets.token_hex(8)
    return Principal("p_xyz789", "patient", "Given", "Family", session_id, expires_at)


def test_where_nothing_was_restored_all_are_trusted() -> None:
    assert trusted(person(), chat(None), 120)


def test_a_session_is_told_once_for_each_chat() -> None:
    one, other, restored = person(), person(), chat(0)
    assert not trusted(one, restored, 101)
    assert trusted(one, restored, 120)
    assert not trusted(other, restored, 101)
    assert not trusted(one, chat(0), 101)


def test_a_cursor_from_before_the_telling_is_told_again() -> None:
    """The answer may have been lost on its way."""
    one, restored = person(), chat(0)
    for cursor in (110, 110, 119):
        assert not trusted(one, restored, cursor)
    assert trusted(one, restored, 120)
    assert not trusted(one, restored, 110)


def test_a_cursor_at_the_very_end_is_told_again() -> None:
    """Its answer may have been lost as well, and nothing tells the old 120 from the new one."""
    one, restored = person(), chat(0)
    for _ in range(3):
        assert not trusted(one, restored, 120)
    # Who heeded it hears what comes next, and that is above all that was told.
    assert trusted(one, dataclasses.replace(restored, last_seq=121), 121)
    assert not trusted(one, dataclasses.replace(restored, last_seq=121), 120)


def test_who_reads_from_the_beginning_is_trusted() -> None:
    reader, restored = person(), chat(0)
    assert trusted(reader, restored, 0)
    assert trusted(reader, restored, 101)


def test_every_number_may_have_been_given_before() -> None:
    assert not trusted(person(), chat(0), 1)


def test_each_device_with_an_outside_token_is_told() -> None:
    """They share what stands for their session; their tokens end at different times."""
    identity, restored = f"{OUTSIDE}{secrets.token_hex(4)}", chat(0)
    assert not trusted(person(identity, 1000), restored, 110)
    assert not trusted(person(identity, 1001), restored, 120)
    assert trusted(person(identity, 1000), restored, 120)


def test_a_fresh_access_token_of_the_same_session_changes_nothing() -> None:
    session, restored = secrets.token_hex(8), chat(0)
    assert not trusted(person(session, 1000), restored, 110)
    assert trusted(person(session, 2000), restored, 120)
