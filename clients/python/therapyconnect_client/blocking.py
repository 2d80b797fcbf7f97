"""The same client for code without an event loop: it runs in a thread of its own.

Nothing is done here but to hand over and to wait.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent import futures
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

from therapyconnect_client.client import Client
from therapyconnect_client.errors import Stopped
from therapyconnect_client.happenings import Happening
from therapyconnect_client.outbox import Delivery
from therapyconnect_client.shapes import Chat, CrisisResource, Message, SentMessage

T = TypeVar("T")


class BlockingDelivery:
    """What becomes of one message, for who may wait."""

    def __init__(self, client: BlockingClient, delivery: Delivery) -> None:
        self._client = client
        self._delivery = delivery
        self.client_message_id = delivery.client_message_id

    def wait(self, timeout: float | None = None) -> SentMessage:
        """The message as the server has it, or the refusal; `TimeoutError` where it still waits."""

        async def settled() -> SentMessage:
            return await self._delivery

        return self._client.call(lambda _: settled(), timeout)

    def first_answer(self) -> tuple[CrisisResource, ...]:
        """Whom to call, once the first try has ended."""
        return self._client.call(lambda _: self._delivery.first_answer())


class BlockingClient:
    """Takes what `Client` takes. `call` and `iterate` reach all of it; the rest is for every day.

    ```
    client.call(lambda c: c.alerts.acknowledge(alert_id))
    for message in client.iterate(lambda c: c.messages.search("word")): ...
    ```
    """

    def __init__(self, base: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._handing = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="therapyconnect-client", daemon=True
        )
        self._thread.start()

        async def make() -> Client:
            return await Client(base, **options).__aenter__()

        try:
            self._client: Client = self._wait(make())
        except BaseException:
            self._end()
            raise

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, and let everybody go who waits for something."""
        with suppress(Stopped):  # another thread was here before
            self.call(lambda client: client.close())
            self._end()

    # --- everything ---------------------------------------------------------------------------

    def call(self, work: Callable[[Client], Awaitable[T]], timeout: float | None = None) -> T:
        """What `work` makes of the client. From any thread."""

        async def run() -> T:
            return await asyncio.wait_for(_awaited(work(self._client)), timeout)

        return self._wait(run())

    def iterate(self, work: Callable[[Client], AsyncIterator[T]]) -> Iterator[T]:
        """What `work` iterates over, one by one."""

        async def begin() -> AsyncIterator[T]:
            return work(self._client)

        found = self._wait(begin())

        async def next_one() -> T:
            return await anext(found)

        while True:
            try:
                yield self._wait(next_one())
            except StopAsyncIteration:
                return

    # --- every day ----------------------------------------------------------------------------

    def log_in(self, email: str, password: str) -> None:
        self.call(lambda client: client.log_in(email, password))

    def second_factor(self, pending: str, code: str) -> None:
        self.call(lambda client: client.second_factor(pending, code))

    def log_out(self) -> None:
        self.call(lambda client: client.log_out())

    def send(self, chat_id: str, text: str, **options: Any) -> BlockingDelivery:
        """Put a message into the queue; `wait` for the rest."""
        delivery = self.call(lambda client: client.send(chat_id, text, **options))
        return BlockingDelivery(self, delivery)

    def events(self) -> Iterator[Happening]:
        """What happens, until the client is closed."""
        with suppress(Stopped):
            yield from self.iterate(lambda client: client.events())

    def chats(self, **filters: Any) -> Iterator[Chat]:
        return self.iterate(lambda client: client.chats.list(**filters))

    def history(self, chat_id: str, **filters: Any) -> Iterator[Message]:
        return self.iterate(lambda client: client.messages.history(chat_id, **filters))

    def mark_read(self, chat_id: str, seq: int) -> None:
        async def mark(client: Client) -> None:
            client.mark_read(chat_id, seq)

        self.call(mark)

    def typing(self, chat_id: str, is_typing: bool = True) -> None:
        self.call(lambda client: client.typing(chat_id, is_typing))

    @property
    def user_id(self) -> str:
        return self._client.user_id

    @property
    def cursors(self) -> dict[str, int]:
        return self._client.cursors

    # --- the thread ---------------------------------------------------------------------------

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        with self._handing:
            if self._ended:
                work.close()
                raise Stopped
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except futures.CancelledError:
            raise Stopped from None
        except BaseException:
            future.cancel()  # as by Ctrl-C: nobody waits for it any more
            raise

    def _end(self) -> None:
        async def finish() -> None:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for other in others:
                other.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await self._loop.shutdown_default_executor()

        with self._handing:
            if self._ended:
                raise Stopped
            # From here on nobody hands over what this last one would not see.
            self._ended = True
            last = asyncio.run_coroutine_threadsafe(finish(), self._loop)
        last.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _awaited(work: Awaitable[T]) -> T:
    return await work
