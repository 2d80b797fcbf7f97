"""The outbox alone, on a transport that counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from therapyconnect.serving.frames import header
from therapyconnect.serving.limits import Limits
from therapyconnect.serving.push import Flusher, Outbox


class Transport:
    """Takes everything until told to refuse, like a kernel whose buffer is full."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.refuses = False
        self.held = 0
        self.outbox: Outbox | None = None
        self.aborted = False

    def set_write_buffer_limits(self, high: int) -> None:
        assert high == 0

    def get_write_buffer_size(self) -> int:
        return self.held

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        if self.refuses:
            self.held += len(data)
            assert self.outbox is not None
            self.outbox.pause()

    def abort(self) -> None:
        self.aborted = True

    def relent(self) -> None:
        self.held = 0
        self.refuses = False
        assert self.outbox is not None
        self.outbox.resume()


class Loop(asyncio.SelectorEventLoop):
    """Its time passes only as told: no holdup of the machine counts."""

    now = 0.0

    def time(self) -> float:
        return self.now


async def passes(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Loop)
    loop.now += seconds
    await asyncio.sleep(0)  # in this turn the loop finds what is due,
    await asyncio.sleep(0)  # and has done it before this one ends


def run(check: Callable[[Transport, Outbox, list[int]], Any], **limits: float) -> None:
    async def main() -> None:
        transport, closes = Transport(), []
        outbox = Outbox(
            transport=cast(asyncio.Transport, transport),
            loop=asyncio.get_running_loop(),
            limits=Limits(**limits),  # type: ignore[arg-type]
            flusher=Flusher(),
            on_close=lambda code, reason: closes.append(code),
        )
        transport.outbox = outbox
        assert not outbox.send(b"before the handshake")
        outbox.open()
        await check(transport, outbox, closes)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())


def test_all_frames_of_one_turn_leave_in_one_write() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        frames = [b"%d" % number * (number % 50) for number in range(200)]
        assert all(outbox.send(frame) for frame in frames)
        assert not transport.writes
        pending = outbox.pending_bytes
        await asyncio.sleep(0)
        assert transport.writes == [b"".join(header(1, len(frame)) + frame for frame in frames)]
        assert pending == len(transport.writes[0])
        assert outbox.pending_bytes == 0
        outbox.send(b"next turn")
        await asyncio.sleep(0)
        assert len(transport.writes) == 2

    run(check)


def test_a_burst_that_the_kernel_takes_is_not_a_slow_reader() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        assert all(outbox.send(b"x" * 1000) for _ in range(5000))
        await asyncio.sleep(0)
        assert sum(map(len, transport.writes)) == 5000 * 1004
        assert not closes

    run(check)


def test_frames_wait_while_refused_and_then_leave_in_order() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        transport.refuses = True
        outbox.send(b"first")
        await asyncio.sleep(0)
        for number in range(300):
            outbox.send(b"%03d" % number)
        await asyncio.sleep(0)
        assert len(transport.writes) == 1
        assert outbox.pending_bytes == 7 + 300 * 5
        transport.relent()
        assert b"".join(transport.writes[1:]) == b"".join(
            b"\x81\x03%03d" % number for number in range(300)
        )

    run(check)


def test_over_the_limit_the_queue_is_dropped_1013_sent_and_the_connection_cut() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        transport.refuses = True
        outbox.send(b"first")
        await asyncio.sleep(0)
        results = [outbox.send(b"x" * 100) for _ in range(11)]
        assert results == [True] * 9 + [False] * 2
        assert outbox.closed
        assert closes == [1013]
        assert transport.writes[-1][:4] == b"\x88\x0d\x03\xf5"
        assert outbox.queued_bytes == 0
        await passes(0.9)
        assert not transport.aborted
        await passes(0.2)
        assert transport.aborted

    run(check, pending_bytes=1000, abort_seconds=1)


def test_a_stall_ends_and_progress_begins_its_clock_anew() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        for _ in range(4):
            transport.refuses = True
            outbox.send(b"frame")
            await passes(0)
            assert outbox.paused
            await passes(0.9)
            transport.relent()
        await passes(2)
        assert not closes
        transport.refuses = True
        outbox.send(b"frame")
        await passes(0)
        await passes(0.9)
        assert not closes
        await passes(0.2)
        assert closes == [1013]

    run(check, stall_seconds=1)


def test_close_follows_the_queue_once_and_is_bounded() -> None:
    async def check(transport: Transport, outbox: Outbox, closes: list[int]) -> None:
        outbox.send(b"last")
        outbox.close(4401, "é" * 100)
        outbox.close(1000)
        assert transport.writes[0].startswith(
            b"\x81\x04last\x88\x7c\x11\x31"
        )  # cut between two characters
        assert closes == [4401]
        assert not outbox.send(b"no")
        await passes(0.9)
        assert not transport.aborted
        await passes(0.2)
        assert transport.aborted

    run(check, close_seconds=1)
