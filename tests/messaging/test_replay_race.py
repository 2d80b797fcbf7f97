"""A replay that is read while somebody edits: each edit with its own words, or with none."""

from __future__ import annotations

from typing import Any

from django.db import connection

from tests.messaging.test_batches import PATIENT, batch, chat, said
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.selectors.access import ACCESS_SQL, access_from_row
from therapyconnect.messaging.selectors.events import happenings_after
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.services.requests import Edit

__all__ = ["chat"]


def edit(chat_id: str, seq: int, text: str) -> None:
    batch(lambda reply: Edit(chat_id=chat_id, user_id=PATIENT, seq=seq, text=text, reply=reply))


def replay(chat_id: str, after_seq: int, *, edit_after: int) -> tuple[list[Happening], int]:
    """What is read while the first message is edited after so many looks; how many there were."""
    looks = 0
    with connection.cursor() as cursor:
        cursor.execute(ACCESS_SQL, (chat_id,))
        access = access_from_row(cursor.fetchall()[0])
        reading = happenings_after(access, after_seq=after_seq, limit=50)
        answer: Any = None
        try:
            while True:
                query = reading.send(answer)
                cursor.execute(query.sql, query.params)
                answer = cursor.fetchall()
                looks += 1
                if looks == edit_after:
                    edit(chat_id, 1, f"in between {edit_after}")
        except StopIteration as done:
            return done.value, looks


def test_an_edit_in_between_does_not_lend_its_words_to_an_earlier_one(chat: str) -> None:
    said("first")
    for after_seq in (0, 1):
        at, looks = 1, 99
        while at <= looks:
            newest = f"edit {after_seq} {at}"
            edit(chat, 1, newest)
            happenings, looks = replay(chat, after_seq, edit_after=at)
            told = [h for h in happenings if h.type == "message_edited"]
            assert {h.message.id for h in told if h.message} == {MessageRef(chat, 1).id}
            assert not any(h.current for h in told[:-1])
            last = told[-1]
            assert last.message is not None
            assert not last.current or last.message.text == newest, (after_seq, at)
            at += 1
        assert looks >= 2
