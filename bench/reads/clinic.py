"""The clinic that is read: whose chats there are, how long, and what in them is still unread.

All of it grows with the number of messages, so that each size shows the same work in a larger
house: at 5,000,000 a therapist has 5,000 chats, one chat has 200,000 messages, and a caseload to
search has 200 chats with 100,000 messages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from therapyconnect.core.ids import chat_id_for

BUSY, DEEP, SEARCHED = "t_busy", "t_deep", "t_searched"
READERS = (BUSY, DEEP, SEARCHED)
UNREAD = 5
"""So many of the patient's messages wait in each tenth chat, and in no other."""
ALERTS = 3
START = datetime(2025, 1, 1, tzinfo=UTC)
SPAN = timedelta(days=300)
EDIT_EVERY = 100
"""Each so many numbers one is the edit of the message before it."""


@dataclass(frozen=True)
class Chat:
    """One chat's part of the clinic. `number` is its place in its therapist's caseload."""

    therapist_id: str
    patient_id: str
    number: int
    length: int

    @property
    def id(self) -> str:
        return chat_id_for(therapist_id=self.therapist_id, patient_id=self.patient_id)

    @property
    def unread(self) -> int:
        return UNREAD if self.number % 10 == 0 else 0

    @property
    def edits(self) -> range:
        """The numbers that are edits; each of the message before it."""
        return range(EDIT_EVERY, self.length - UNREAD, EDIT_EVERY)

    def sender_of(self, seq: int) -> str:
        patient = seq % 2 == 1 or seq > self.length - self.unread
        return self.patient_id if patient else self.therapist_id


def chats(messages: int) -> Iterator[Chat]:
    """The clinic's chats, with about so many messages in all of them together."""
    busy = max(10, messages // 1000)
    searched = max(2, messages // 25_000)
    rest = max(10, messages // 5000)
    yield Chat(DEEP, "p_deep00000", 0, messages // 25)
    yield from _caseload(SEARCHED, "searched", searched, messages // 50)
    yield from _caseload(BUSY, "busy", busy, messages * 8 // 10)
    each = messages * 14 // 100 // rest
    for number in range(rest):
        yield Chat(f"t_rest{number // 50:05}", f"p_rest{number:05}", number % 50, each)


def _caseload(therapist_id: str, name: str, count: int, messages: int) -> Iterator[Chat]:
    for number in range(count):
        yield Chat(therapist_id, f"p_{name}{number:05}", number, messages // count)


def words(chat: Chat, seq: int) -> str:
    """About 120 letters. Some words are everywhere, some rare, one is at the very beginning."""
    text = (
        f"Day {seq}: I slept somewhat better and went out twice, as we said; what we spoke of"
        " last week still goes round in my head."
    )
    if seq % 500 == 250:
        text += " The exercise with the lighthouse helped."
    if seq == 1 and chat.number == 0:
        text += " Beginnings are hardest."
    return text
