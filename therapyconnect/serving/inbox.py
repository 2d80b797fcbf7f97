"""What a socket has received and its application has not yet taken."""

from __future__ import annotations

import asyncio

from therapyconnect.serving.frames import TEXT, FrameError


class Inbox:
    """Messages in order, then the disconnect, for one reader at a time.

    A plain list and a future that exists only while somebody waits: an `asyncio.Queue` weighs some
    3 kB a socket.
    """

    __slots__ = ("_loop", "_messages", "_waiter", "disconnect")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._messages: list[str | bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self.disconnect: tuple[int, str] | None = None
        """Close code and reason, once the socket has ended or begun to."""

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, opcode: int, payload: bytes) -> None:
        """Keep a message. `FrameError` for a text that is none."""
        if opcode == TEXT:
            try:
                self._messages.append(payload.decode())
            except UnicodeDecodeError:
                # Not chained: the original quotes the data.
                raise FrameError(1007, "invalid UTF-8") from None
        else:
            self._messages.append(payload)

    def end(self, code: int, reason: str) -> None:
        """Say that nothing more will come; the first to say so is believed."""
        if self.disconnect is None:
            self.disconnect = (code, reason)
        self.wake()

    def clear(self) -> None:
        """Forget what was not taken."""
        self._messages.clear()

    def wake(self) -> None:
        """Let the reader look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> str | bytes | None:
        """The next message, waiting for it; None after the last one, as often as asked."""
        while not self._messages:
            if self.disconnect is not None:
                return None
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._messages.pop(0)
