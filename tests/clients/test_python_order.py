"""The pure parts of the Python client, against models: order, receipts, pauses."""

from __future__ import annotations

from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from therapyconnect_client.backoff import CAP_SECONDS, pause
from therapyconnect_client.feed import Feed
from therapyconnect_client.frames import Frame, Hidden, Refusal, Resumed
from therapyconnect_client.happenings import Afresh, Happening
from therapyconnect_client.mailbox import Mailbox
from therapyconnect_client.receipts import Outbound
from therapyconnect_client.sequence import Sequence
from therapyconnect_client.shapes import Horizons, Receipts

T = TypeVar("T")
CHAT = "CHAT_t_abc123_p_xyz789"
NO_RECEIPTS = Receipts(Horizons(0, 0), Horizons(0, 0))


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of what need not wait."""
    try:
        work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waits")


class OneChat(RuleBasedStateMachine):
    """A server with one chat, a socket that comes and goes, and a listener with a small mailbox.

    What the listener holds is always the beginning of what happened, each event once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[str] = []
        self.forked: int | None = None
        self.begun: int | None = None
        self.wire: list[Frame] | None = None
        self.mailbox: Mailbox[Happening] = Mailbox(4)
        self.feed = Feed(self.mailbox, {})
        self.held: list[str] = []
        self.restores = 0

    # --- the server ---------------------------------------------------------------------------

    @rule()
    def something_happens(self) -> None:
        self.log.append(f"{self.restores}-{len(self.log) + 1}")
        self._push(len(self.log))

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def an_answer_to_a_retry(self, data: st.DataObject) -> None:
        """Tells of an event that came long ago, or did not come yet."""
        self._push(data.draw(st.integers(1, len(self.log))))

    @precondition(lambda self: self.log and self.restores < 3)
    @rule(data=st.data())
    def a_restore(self, data: st.DataObject) -> None:
        """Everything after a number is gone, and no cursor is trusted that may be from before."""
        kept = data.draw(st.integers(0, len(self.log) - 1))
        self.restores += 1
        self.log = self.log[:kept]
        self.forked, self.begun, self.wire = 0, None, None

    def _push(self, seq: int) -> None:
        if self.wire is not None:
            self.wire.append(Hidden(chat_id=CHAT, seq=seq, ref=self.log[seq - 1]))

    def _resume(self, after: int) -> None:
        assert self.wire is not None
        if after > len(self.log):
            self.wire.append(Refusal(chat_id=CHAT, code="cursor_ahead"))
            return
        gap = False
        if self.forked is not None:
            below = after <= self.forked
            gap = not below and (self.begun is None or after < self.begun)
            if below or gap:
                self.begun = 0 if below else max(len(self.log), after + 1)
        if not gap:
            for seq in range(after + 1, len(self.log) + 1):
                self._push(seq)
        self.wire.append(
            Resumed(chat_id=CHAT, last_seq=len(self.log), receipts=NO_RECEIPTS, gap=gap)
        )

    # --- the line -----------------------------------------------------------------------------

    @rule()
    def a_new_socket(self) -> None:
        self.wire = []
        self.feed.follow([CHAT])
        self._ask()

    @precondition(lambda self: self.wire is not None)
    @rule()
    def a_cut(self) -> None:
        self.wire = None

    @precondition(lambda self: self.wire)
    @rule(count=st.integers(1, 5))
    def frames_arrive(self, count: int) -> None:
        for _ in range(count):
            if self.wire:
                frame = self.wire.pop(0)
                if isinstance(frame, Refusal):
                    self.feed.refused(CHAT, frame.code)
                else:
                    self.feed.hear(frame)
                self._ask()

    def _ask(self) -> None:
        if self.wire is not None:
            for after in self.feed.to_resume().values():
                self._resume(after)

    # --- the listener -------------------------------------------------------------------------

    @precondition(lambda self: self.mailbox._items)
    @rule()
    def the_listener_takes_one(self) -> None:
        happening = at_once(self.mailbox.get())
        if isinstance(happening, Afresh):
            self.held.clear()
        elif isinstance(happening, Hidden):
            assert happening.seq == len(self.held) + 1
            self.held.append(str(happening.ref))
        self._ask()

    @invariant()
    def it_holds_each_once(self) -> None:
        assert len(set(self.held)) == len(self.held)

    def teardown(self) -> None:
        """In the end, on a line that holds, everything arrives."""
        self.a_new_socket()
        for _ in range(1_000):
            if self.mailbox._items:
                self.the_listener_takes_one()
            elif self.wire:
                self.frames_arrive(1)
            else:
                break
        assert self.held == self.log


TestOneChat = OneChat.TestCase
TestOneChat.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


def test_what_came_early_is_not_told_after_a_restore() -> None:
    """On the next socket the number may be another message's."""
    mailbox: Mailbox[Happening] = Mailbox(10)
    feed = Feed(mailbox, {})
    feed.follow([CHAT])
    feed.hear(Hidden(chat_id=CHAT, seq=2, ref="of before"))
    feed.follow([CHAT])
    assert feed.to_resume() == {CHAT: 0}
    feed.hear(Hidden(chat_id=CHAT, seq=1, ref="of after"))
    feed.hear(Resumed(chat_id=CHAT, last_seq=1, receipts=NO_RECEIPTS))
    told = [at_once(mailbox.get()) for _ in range(2)]
    assert [type(happening).__name__ for happening in told] == ["Hidden", "CaughtUp"]
    assert not mailbox._items


@given(st.lists(st.integers(1, 30)), st.integers(1, 30))
def test_any_order_becomes_the_order(early: list[int], count: int) -> None:
    sequence: Sequence[int] = Sequence(max_ahead=10)
    heard: list[int] = []
    for seq in [seq for seq in early if seq <= count] + list(range(1, count + 1)):
        heard += sequence.take(seq, seq)
    assert heard == list(range(1, count + 1))
    assert not sequence.behind


def test_after_a_receipt_that_was_too_high_the_right_ones_are_due() -> None:
    outbound = Outbound()
    assert outbound.want(CHAT, "read", 99)
    (mark,) = outbound.due()
    outbound.drop(mark)
    assert outbound.want(CHAT, "read", 3)
    assert [due.seq for due in outbound.due()] == [3]


KINDS = st.sampled_from(["delivered", "read"])
STEP = st.one_of(
    st.tuples(KINDS, st.integers(1, 20)),
    st.sampled_from(["tell", "answer", "refuse", "cut"]),
)


@given(st.lists(STEP, max_size=40))
def test_receipts_arrive_and_never_go_back(steps: list[Any]) -> None:
    outbound = Outbound()
    wanted, there = {"delivered": 0, "read": 0}, {"delivered": 0, "read": 0}
    wire: list[Any] = []
    for step in [*steps, "cut", "tell", "answer"]:
        if step == "tell":
            marks = outbound.due()
            assert not outbound.due(), "told once on one connection"
            wire += marks
        elif step == "answer":
            for mark in wire:
                assert mark.seq > there[mark.kind], "a stale receipt was told"
                there[mark.kind] = mark.seq
                outbound.confirm(mark)
            wire.clear()
        elif step == "refuse":
            for mark in wire:
                outbound.untold(mark)
            wire.clear()
        elif step == "cut":
            wire.clear()
            outbound.lost()
        else:
            kind, seq = step
            outbound.want(CHAT, kind, seq)
            wanted[kind] = max(wanted[kind], seq)
    assert there["read"] == wanted["read"]
    assert max(there.values()) >= wanted["delivered"]


@given(st.integers(0, 10_000), st.integers(), st.none() | st.floats(0, 600))
def test_pauses_are_bounded_and_heed_the_server(
    attempt: int, dice: int, retry_after: float | None
) -> None:
    waited = pause(attempt, Random(dice), retry_after=retry_after)
    assert (retry_after or 0) <= waited <= (retry_after or 0) + CAP_SECONDS
