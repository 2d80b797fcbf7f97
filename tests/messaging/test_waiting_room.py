"""The waiting room before the lanes, whatever comes and goes: order, turns, bounds."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from therapyconnect.messaging.services.requests import Advance, Request
from therapyconnect.messaging.services.waiting import MAX_BATCH, MAX_OF_A_CHAT, WaitingRoom

CHATS = [f"CHAT_t_{n:03}_p_{n:03}" for n in range(6)]


def request(chat_id: str) -> Request:
    return Advance(chat_id, "p_x", "read", None, reply=lambda outcome: None)


class Room(RuleBasedStateMachine):
    """Beside the room, the simplest account of it: what each chat asked and was not taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self.room = WaitingRoom()
        self.asked: dict[str, list[Request]] = {chat: [] for chat in CHATS}
        self.batches: list[list[Request]] = []
        self.passed_over: dict[str, int] = dict.fromkeys(CHATS, 0)

    @rule(chat=st.sampled_from(CHATS), count=st.integers(1, 2 * MAX_OF_A_CHAT))
    def ask(self, chat: str, count: int) -> None:
        for _ in range(count):
            one = request(chat)
            self.asked[chat].append(one)
            self.room.put(one)

    @rule()
    def take(self) -> None:
        held = self.held()
        batch = self.room.take()
        ready = [chat for chat in CHATS if self.asked[chat] and chat not in held]
        assert bool(batch) == bool(ready)
        assert len(batch) <= MAX_BATCH
        taken = {one.chat_id for one in batch}
        assert not taken & held, "two batches of one chat at a time"
        for chat in taken:
            mine = [one for one in batch if one.chat_id == chat]
            assert len(mine) <= MAX_OF_A_CHAT
            assert all(a is b for a, b in zip(mine, self.asked[chat], strict=False)), "order"
            del self.asked[chat][: len(mine)]
            self.passed_over[chat] = 0
        for chat in set(ready) - taken:
            self.passed_over[chat] += 1
            # However much the others ask, its turn comes: four chats at least fit a batch.
            assert self.passed_over[chat] <= len(CHATS) * MAX_OF_A_CHAT // MAX_BATCH + 1
        if batch:
            self.batches.append(batch)

    @precondition(lambda self: self.batches)
    @rule(data=st.data())
    def answer(self, data: Any) -> None:
        self.room.release(self.batches.pop(data.draw(st.integers(0, len(self.batches) - 1))))

    @rule()
    def give_up(self) -> None:
        """All that is ready has waited too long; what a batch holds back stays in its place."""
        held = self.held()
        late = self.room.take_late(-1.0)
        expected = [one for chat in CHATS if chat not in held for one in self.asked[chat]]
        assert {id(one) for one in late} == {id(one) for one in expected}
        for chat in CHATS:
            if chat not in held:
                self.asked[chat] = []
                self.passed_over[chat] = 0

    def held(self) -> set[str]:
        return {one.chat_id for batch in self.batches for one in batch}

    @invariant()
    def counts(self) -> None:
        held = self.held()
        assert self.room.count == sum(map(len, self.asked.values()))
        assert self.room.ready == sum(len(self.asked[c]) for c in CHATS if c not in held)
        assert self.room.empty == (not self.room.count and not self.batches)


TestWaitingRoom = Room.TestCase
