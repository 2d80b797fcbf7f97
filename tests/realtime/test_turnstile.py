"""The memory of empty buckets: as long as was said, and no more of it than fits."""

from __future__ import annotations

import pytest

from therapyconnect.core.errors import Throttled
from therapyconnect.realtime.turnstile import Turnstile


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turnstile(clock: Clock) -> Turnstile:
    return Turnstile(capacity=3, clock=clock)


def test_who_was_shut_out_waits_what_is_left(clock: Clock, turnstile: Turnstile) -> None:
    turnstile.shut("a", 5)
    turnstile.check("b")
    for passed, left in ((0.0, 5), (0.5, 5), (3.5, 2), (4.999, 1)):
        clock.now = 100 + passed
        with pytest.raises(Throttled) as refused:
            turnstile.check("a")
        assert refused.value.retry_after == left
    clock.now = 105
    turnstile.check("a")
    assert len(turnstile) == 0


def test_being_refused_again_does_not_lengthen_it(clock: Clock, turnstile: Turnstile) -> None:
    turnstile.shut("a", 1)
    for _ in range(9):
        with pytest.raises(Throttled):
            turnstile.check("a")
        clock.now += 0.1
    clock.now = 101
    turnstile.check("a")


def test_what_is_over_is_forgotten_and_there_are_never_too_many(
    clock: Clock, turnstile: Turnstile
) -> None:
    turnstile.shut("a", 1)
    turnstile.shut("b", 2)
    clock.now += 1.5
    turnstile.shut("c", 9)
    assert len(turnstile) == 2
    for key in "defg":
        turnstile.shut(key, 9)
    assert len(turnstile) == 3
    turnstile.check("c")
    with pytest.raises(Throttled):
        turnstile.check("g")
