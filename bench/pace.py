"""Ticks finer than the loop's own: its timers count whole milliseconds, which would be in every
latency of a load that is sent by the clock."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MONOTONIC, _NONBLOCK = 1, os.O_NONBLOCK
_libc = ctypes.CDLL(None, use_errno=True)


class _Time(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Every(ctypes.Structure):
    _fields_ = (("interval", _Time), ("first", _Time))


@contextmanager
def ticking(seconds: float, tick: Callable[[], None]) -> Iterator[None]:
    """Call `tick` on the running loop about every so many seconds; ticks that are late are one."""
    timer = _libc.timerfd_create(_MONOTONIC, _NONBLOCK)
    if timer < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    step = _Time(int(seconds), int(seconds % 1 * 1e9))
    _libc.timerfd_settime(timer, 0, ctypes.byref(_Every(step, step)), None)

    def ticked() -> None:
        os.read(timer, 8)
        tick()

    loop = asyncio.get_running_loop()
    loop.add_reader(timer, ticked)
    try:
        yield
    finally:
        loop.remove_reader(timer)
        os.close(timer)
