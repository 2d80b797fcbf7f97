"""The gate: so many at a time, the others in their order, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from therapyconnect.core.errors import Unavailable
from therapyconnect.realtime.gate import AGAIN_SECONDS, Gate


class Visitors:
    """Each stays inside until it is told to leave."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._leave = asyncio.Event()
        self.inside = self.most = 0
        self.order: list[int] = []
        self.refused: list[Unavailable] = []

    async def visit(self, number: int) -> None:
        try:
            async with self._gate.passing():
                self.order.append(number)
                self.inside += 1
                self.most = max(self.most, self.inside)
                await self._leave.wait()
                self.inside -= 1
        except Unavailable as refused:
            self.refused.append(refused)

    def come(self, *numbers: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.visit(number)) for number in numbers]

    def leave(self) -> None:
        self._leave.set()


def test_so_many_at_a_time_and_the_others_in_order() -> None:
    async def story() -> None:
        visitors = Visitors(Gate(at_once=2, waiting=10))
        tasks = visitors.come(*range(8))
        await asyncio.sleep(0.01)
        assert visitors.order == [0, 1]
        visitors.leave()
        await asyncio.gather(*tasks)
        assert (visitors.order, visitors.most, visitors.refused) == ([*range(8)], 2, [])

    asyncio.run(story())


def test_whom_there_is_no_room_for_is_told_when_to_come_again() -> None:
    async def story() -> None:
        visitors = Visitors(Gate(at_once=1, waiting=2, seconds=60))
        tasks = visitors.come(*range(50_003))
        await asyncio.sleep(0.01)
        assert len(visitors.refused) == 50_000
        assert {refused.code for refused in visitors.refused} == {"overloaded"}
        advice = [refused.retry_after for refused in visitors.refused]
        # As many each second as can be let in, and not all at the last moment.
        assert advice[0] == AGAIN_SECONDS[0]
        assert set(advice) == set(range(AGAIN_SECONDS[0], AGAIN_SECONDS[1] + 1))
        assert max(Counter(advice).values()) < 5_000
        visitors.leave()
        await asyncio.gather(*tasks)
        assert visitors.order == [0, 1, 2]

    asyncio.run(story())


@pytest.mark.parametrize("how", ["late", "gone"])
def test_who_gave_up_waiting_takes_no_place(how: str) -> None:
    async def story() -> None:
        visitors = Visitors(Gate(at_once=1, waiting=5, seconds=0.05 if how == "late" else 30))
        tasks = visitors.come(0, 1, 2)
        await asyncio.sleep(0.01)
        if how == "late":
            await asyncio.gather(*tasks[1:])
            assert len(visitors.refused) == 2
        else:
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks[1:], return_exceptions=True)
        visitors.leave()
        await tasks[0]
        await asyncio.gather(*visitors.come(*range(3, 9)))
        assert visitors.order == [0, *range(3, 9)]

    asyncio.run(story())


def test_a_place_comes_back_where_the_admission_fails() -> None:
    async def story() -> None:
        gate = Gate(at_once=1)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                async with gate.passing():
                    raise RuntimeError
        async with gate.passing():
            pass

    asyncio.run(story())
