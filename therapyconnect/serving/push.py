"""The way out of a socket: frames are queued without awaiting, and leave in one write per turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from therapyconnect.serving.failures import log_failure
from therapyconnect.serving.frames import CLOSE, SHORT_TEXT_HEADERS, TEXT, close_payload, header
from therapyconnect.serving.limits import Limits

# Bytes handed to the transport at a time. The rest stays in our own queue, where it can still be
# dropped.
CHUNK_BYTES = 64 * 1024


class PushChannel(Protocol):
    """What the application gets as `scope["extensions"]["therapyconnect.push"]`.

    Only for the loop's own thread.
    """

    closed: bool
    """True from the moment that nothing more can be sent, whoever closed."""

    @property
    def pending_bytes(self) -> int:
        """Bytes queued and not yet accepted by the kernel."""

    def send(self, frame: bytes) -> bool:
        """Queue one text frame (UTF-8), after all that was queued before; False once closed."""

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame after what is queued, and end the application's `receive()`.

        Harmless when closed. A peer that does not finish the closing handshake in time is cut off.
        """


class Flusher:
    """Flushes all sockets written to in one turn of the loop with a single callback at its end."""

    __slots__ = ("_dirty",)

    def __init__(self) -> None:
        self._dirty: list[Outbox] = []

    def add(self, outbox: Outbox) -> None:
        """Have the outbox flushed at the end of this turn."""
        if not self._dirty:
            outbox.loop.call_soon(self._flush)
        self._dirty.append(outbox)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for outbox in dirty:
            try:
                outbox.flush()
            except Exception as exc:  # one broken transport must not cost the others their frames
                log_failure("a socket's transport", exc)
                outbox.abort()


class Outbox:
    """The `PushChannel` of one socket.

    Holds at most `pending_bytes` of the limits: a reader that owes more, or whose kernel buffer
    takes nothing for `stall_seconds`, gets 1013 as far as it goes and is cut off `abort_seconds`
    later. `on_close(code, reason)` is called once, when we begin to close.
    """

    __slots__ = (
        "_ending", "_flusher", "_limits", "_on_close", "_paused", "_queue", "_queued", "_timer",
        "_transport", "closed", "loop",
    )  # fmt: skip

    def __init__(
        self,
        *,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        limits: Limits,
        flusher: Flusher,
        on_close: Callable[[int, str], None],
    ) -> None:
        self._transport: asyncio.Transport | None = transport
        self.loop = loop
        self._limits = limits
        self._flusher = flusher
        self._on_close: Callable[[int, str], None] | None = on_close
        # Header and payload take turns, so a cut at an even place never splits a frame.
        self._queue: list[bytes] = []
        self._queued = 0
        self._paused = False
        # One at a time: the stall of an open socket, or the end of a closing one.
        self._timer: asyncio.TimerHandle | None = None
        self._ending = False
        self.closed = True
        # At 0 "paused" means that the kernel has refused bytes, and the transport holds at most one
        # chunk.
        transport.set_write_buffer_limits(high=0)

    @property
    def pending_bytes(self) -> int:
        if self._transport is None:
            return 0
        return self._queued + self._transport.get_write_buffer_size()

    def open(self) -> None:
        """Begin: the handshake is answered."""
        self.closed = False

    @property
    def paused(self) -> bool:
        """Whether the kernel takes nothing more at the moment."""
        return self._paused

    @property
    def queued_bytes(self) -> int:
        """Bytes not even handed to the transport."""
        return self._queued

    def send(self, frame: bytes) -> bool:
        # The hot path: `put(TEXT, frame)`, written out.
        if self.closed:
            return False
        size = len(frame)
        head = SHORT_TEXT_HEADERS[size] if size < 126 else header(TEXT, size)
        queue = self._queue
        if not queue and not self._paused:
            self._flusher.add(self)
        queue.append(head)
        queue.append(frame)
        self._queued += len(head) + size
        if self._paused or self._queued > self._limits.pending_bytes:
            return self._within_limit()
        return True

    def put(self, opcode: int, payload: bytes) -> bool:
        """`send` for any kind of frame."""
        if self.closed:
            return False
        self._append(opcode, payload)
        return self._within_limit()

    def close(self, code: int, reason: str = "") -> None:
        if self.closed:
            return
        self.closed = True
        self._append(CLOSE, close_payload(code, reason))
        self.flush()
        self._arm(self._limits.close_seconds, self.abort)
        self._tell(code, reason)

    def flush(self) -> None:
        """Hand the queue to the transport, a chunk at a time, while the kernel takes it."""
        transport, queue = self._transport, self._queue
        if transport is None or self._paused:
            return
        if queue and self._queued <= CHUNK_BYTES:
            data = b"".join(queue)
            queue.clear()
            self._queued = 0
            transport.write(data)
        while queue and not self._paused:
            size = count = 0
            while count < len(queue) and size < CHUNK_BYTES:
                size += len(queue[count]) + len(queue[count + 1])
                count += 2
            data = b"".join(queue[:count])
            del queue[:count]
            self._queued -= size
            transport.write(data)
        if self._ending and not queue:
            transport.close()

    def pause(self) -> None:
        """The kernel refuses bytes."""
        self._paused = True
        if not self.closed:
            self._arm(self._limits.stall_seconds, self._give_up)

    def resume(self) -> None:
        """The kernel has taken all we gave it: the clock of the stall begins anew with the next
        chunk.
        """
        self._paused = False
        if not self.closed:
            self._disarm()
        self.flush()

    def hang_up(self) -> None:
        """End the connection once all is sent, by force after `close_seconds`."""
        self.closed = True
        self._ending = True
        if self._transport is not None:
            self._arm(self._limits.close_seconds, self.abort)
            self.flush()

    def end_writing(self) -> None:
        """Tell the peer that nothing more follows, while what it still sends is read: no reset eats
        our last words.
        """
        if self._transport is not None and not self._queue and self._transport.can_write_eof():
            self._transport.write_eof()

    def abort(self) -> None:
        """Cut the connection; what is queued is gone."""
        self.closed = True
        self._drop()
        if self._transport is not None:
            self._transport.abort()

    def lost(self) -> None:
        """The connection has ended: let go of everything."""
        self.closed = True
        self._drop()
        self._disarm()
        self._transport = None
        self._on_close = None

    def _append(self, opcode: int, payload: bytes) -> None:
        head = header(opcode, len(payload))
        if not self._queue and not self._paused:
            self._flusher.add(self)
        self._queue.append(head)
        self._queue.append(payload)
        self._queued += len(head) + len(payload)

    def _within_limit(self) -> bool:
        if self.pending_bytes <= self._limits.pending_bytes:
            return True
        # Only what the kernel does not take counts; a burst within one turn has not been offered to
        # it yet.
        self.flush()
        if self.pending_bytes <= self._limits.pending_bytes:
            return True
        self._give_up()
        return False

    def _give_up(self) -> None:
        """Close a reader that does not keep up. Its queue is dropped at once, the last words are
        best effort.
        """
        if self._transport is None or self.closed:
            return
        self.closed = True
        self._drop()
        reason = "slow reader"
        payload = close_payload(1013, reason)
        self._transport.write(header(CLOSE, len(payload)) + payload)
        self._arm(self._limits.abort_seconds, self.abort)
        self._tell(1013, reason)

    def _tell(self, code: int, reason: str) -> None:
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(code, reason)

    def _drop(self) -> None:
        self._queue.clear()
        self._queued = 0

    def _arm(self, seconds: float, callback: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, callback)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
