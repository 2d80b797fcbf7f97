"""Where requests wait for a lane: a queue for each chat, and the chats take turns.

A lane takes whole chats: what one chat asked is written in few batches, and no two lanes ever work
on one chat, so its order is the queue's. However much one chat asks, the next one's turn comes.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Final

from therapyconnect.messaging.services.requests import Request

MAX_BATCH: Final = 128
MAX_OF_A_CHAT: Final = 32
"""In one batch: what a chat has beyond it waits for its next turn, behind the others."""
MAX_QUEUED: Final = 20_000
MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024

Queue = deque[tuple[float, Request]]
"""Requests in their order, each with the moment on the monotonic clock at which it came."""


class WaitingRoom:
    """Chats whose requests wait. A chat is `ready`, or held by the batch that a lane works on."""

    def __init__(self) -> None:
        self._ready: OrderedDict[str, Queue] = OrderedDict()
        self._held: dict[str, Queue] = {}
        self._bytes = 0
        self.count = 0
        """Requests that wait."""
        self.ready = 0
        """Those of them that a lane may take now."""

    @property
    def full(self) -> bool:
        return self.count >= MAX_QUEUED or self._bytes >= MAX_QUEUED_BYTES

    @property
    def empty(self) -> bool:
        """Whether nothing waits, and no lane holds anything."""
        return not self._ready and not self._held

    def put(self, request: Request) -> None:
        entry = (time.monotonic(), request)
        held = self._held.get(request.chat_id)
        if held is not None:
            held.append(entry)
        else:
            self._ready.setdefault(request.chat_id, deque()).append(entry)
            self.ready += 1
        self.count += 1
        self._bytes += request.size

    def take(self) -> list[Request]:
        """The next batch. Its chats are held until they are released."""
        batch: list[Request] = []
        while self._ready and len(batch) < MAX_BATCH:
            chat_id, queue = self._ready.popitem(last=False)
            self._held[chat_id] = queue
            self.ready -= len(queue)
            for _ in range(min(len(queue), MAX_OF_A_CHAT, MAX_BATCH - len(batch))):
                batch.append(self._pop(queue))
        return batch

    def release(self, batch: Iterable[Request]) -> None:
        """The batch was answered: what its chats asked meanwhile may be taken."""
        for chat_id in {request.chat_id for request in batch}:
            queue = self._held.pop(chat_id)
            if queue:
                self._ready[chat_id] = queue
                self.ready += len(queue)

    def waited(self) -> float:
        """For how many seconds the one whose turn is next has waited."""
        for queue in self._ready.values():
            return time.monotonic() - queue[0][0]
        return 0.0

    def take_late(self, seconds: float) -> list[Request]:
        """Those that waited longer: of each chat the oldest, so the order of the rest stays."""
        limit = time.monotonic() - seconds
        late = []
        for chat_id, queue in list(self._ready.items()):
            while queue and queue[0][0] < limit:
                late.append(self._pop(queue))
                self.ready -= 1
            if not queue:
                del self._ready[chat_id]
        return late

    def _pop(self, queue: Queue) -> Request:
        _, request = queue.popleft()
        self.count -= 1
        self._bytes -= request.size
        return request
