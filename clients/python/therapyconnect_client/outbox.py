"""Messages on their way out: kept until the server has said what became of them."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import Generator
from typing import Any

import msgspec

from therapyconnect_client.errors import ApiError, Invalid, QueueFull, Stopped
from therapyconnect_client.shapes import CrisisResource, SentMessage
from therapyconnect_client.stores import Outgoing, Store


def new_id() -> str:
    """An id for a message that nobody else gives."""
    return secrets.token_hex(16)


class Delivery:
    """What becomes of one message. `await` it: the message as the server has it, or the refusal."""

    def __init__(self, item: Outgoing) -> None:
        self.client_message_id = item.client_message_id
        self.chat_id = item.chat_id
        self.attempts = 0
        self.crisis_resources: tuple[CrisisResource, ...] = ()
        """Whom to call, as soon as any answer to an emergency has said it; also a refusal."""
        self._told = asyncio.Event()
        self._done: asyncio.Future[SentMessage] = asyncio.get_running_loop().create_future()

    @property
    def settled(self) -> bool:
        return self._done.done()

    def __await__(self) -> Generator[Any, None, SentMessage]:
        return asyncio.shield(self._done).__await__()

    async def first_answer(self) -> tuple[CrisisResource, ...]:
        """Wait until the first try has ended, however; whom to call, as far as is known."""
        await self._told.wait()
        return self.crisis_resources

    def tried(self, resources: tuple[CrisisResource, ...]) -> None:
        self.crisis_resources = resources or self.crisis_resources
        self._told.set()

    def sent(self, message: SentMessage) -> None:
        self.tried(message.crisis_resources)
        if not self._done.done():
            self._done.set_result(message)

    def failed(self, error: BaseException) -> None:
        self.tried(error.crisis_resources if isinstance(error, ApiError) else ())
        if not self._done.done():
            self._done.set_exception(error)
            self._done.exception()  # not everybody waits for it

    def __repr__(self) -> str:
        return f"<Delivery {self.client_message_id} settled={self.settled}>"


class Lane(msgspec.Struct, frozen=True):
    """What goes out one after the other: a chat's messages; its emergencies wait for none."""

    chat_id: str
    emergency: bool


class Outbox:
    """Lanes in the order of writing, in a store that may outlive the process.

    Bounded: `QueueFull` at `limit`. A call for help is always taken.
    """

    def __init__(self, store: Store, *, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._lanes: defaultdict[Lane, deque[Outgoing]] = defaultdict(deque)
        self._deliveries: dict[tuple[str, str], Delivery] = {}
        self._number = 0
        self._adding = asyncio.Lock()
        self._emptied = 0

    def __len__(self) -> int:
        return len(self._deliveries)

    @property
    def lanes(self) -> list[Lane]:
        """Those in which something waits."""
        return [lane for lane, items in self._lanes.items() if items]

    async def load(self, user_id: str) -> None:
        """Take up what this user's earlier process left; another user's stays where it is."""
        async with self._adding:
            for item in sorted(await self._store.load(), key=lambda item: item.number):
                self._number = max(self._number, item.number)
                if item.user_id == user_id and item.key not in self._deliveries:
                    self._put(item)

    def empty(self) -> None:
        """Let go of what waits; the store keeps it."""
        for delivery in self._deliveries.values():
            delivery.failed(Stopped())
        self._lanes.clear()
        self._deliveries.clear()
        self._emptied += 1

    async def add(
        self, *, user_id: str, chat_id: str, body: dict[str, Any], client_message_id: str
    ) -> Delivery:
        """Keep a message: when this returns, the store has it. The same id is the same message.

        What can't be sent is `Invalid` at once: later it would hold up all that is behind it.
        """
        fields = {**body, "chat_id": chat_id, "client_message_id": client_message_id}
        for name, value in fields.items():
            if not _encodes(value):
                raise Invalid(code="invalid", attr=name)
        emptied = self._emptied
        async with self._adding:
            known = self._deliveries.get((chat_id, client_message_id))
            if known is not None:
                return known
            emergency = bool(body.get("emergency"))
            if len(self) >= self._limit and not emergency:
                raise QueueFull(self._limit)
            self._number += 1
            item = Outgoing(
                number=self._number, user_id=user_id, chat_id=chat_id,
                client_message_id=client_message_id, body=body,
            )  # fmt: skip
            await self._store.add(item)
            if self._emptied != emptied:  # the lanes may be another user's by now
                delivery = Delivery(item)
                delivery.failed(Stopped())
                return delivery
            return self._put(item)

    def first(self, lane: Lane) -> tuple[Outgoing, Delivery] | None:
        """What is next in a lane; it stays there until `settle`."""
        items = self._lanes.get(lane)
        return (items[0], self._deliveries[items[0].key]) if items else None

    def fail(self, lane: Lane, error: BaseException) -> None:
        """Tell who waits for anything of a lane that it is not sent now. The store keeps it."""
        for item in self._lanes.get(lane, ()):
            self._deliveries[item.key].failed(error)

    async def settle(self, lane: Lane) -> None:
        """The first of a lane was taken or refused: the next one's turn.

        Where the process dies before the store knows, it is sent again; its id makes one of both.
        """
        item = self._lanes[lane].popleft()
        del self._deliveries[item.key]
        if not self._lanes[lane]:
            del self._lanes[lane]
        await self._store.remove(item)

    def _put(self, item: Outgoing) -> Delivery:
        delivery = Delivery(item)
        self._deliveries[item.key] = delivery
        self._lanes[Lane(item.chat_id, bool(item.body.get("emergency")))].append(item)
        return delivery


def _encodes(value: object) -> bool:
    """JSON can hold it. The error says what was written, and ends here."""
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True
