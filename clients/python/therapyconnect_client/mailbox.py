"""What waits for the caller, and how much may."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """A queue between the socket, which must not wait, and the caller, who may take their time.

    Where it is `full`, whoever fills it leaves out what can be asked for again; `on_room` is called
    once half of it is empty.
    """

    def __init__(self, limit: int, *, on_room: Callable[[], None] = lambda: None) -> None:
        self._limit = limit
        self._on_room = on_room
        self._items: deque[T] = deque()
        self._arrived = asyncio.Event()
        self._end: Exception | None = None
        self._was_full = False

    @property
    def full(self) -> bool:
        if len(self._items) >= self._limit:
            self._was_full = True
        return len(self._items) >= self._limit

    def put(self, item: T) -> None:
        self._items.append(item)
        self._arrived.set()

    def end(self, error: Exception) -> None:
        """After what is in it, nothing more comes, and `error` says why. The first word counts."""
        self._end = self._end or error
        self._arrived.set()

    async def get(self) -> T:
        while not self._items:
            if self._end is not None:
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()
        item = self._items.popleft()
        if self._was_full and len(self._items) <= self._limit // 2:
            self._was_full = False
            self._on_room()
        return item
