"""Sends what waits: in order in each chat, each until the server has said yes or no."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Final

from therapyconnect_client.api import Api
from therapyconnect_client.backoff import pause
from therapyconnect_client.errors import ApiError, LoggedOut, Throttled, Unavailable
from therapyconnect_client.outbox import Delivery, Lane, Outbox
from therapyconnect_client.shapes import SentMessage
from therapyconnect_client.stores import Outgoing

log = logging.getLogger("therapyconnect_client")

BROKEN_TRIES: Final = 8
"""Of a message that the server answers with 500: nothing says that it will ever be otherwise."""

OnRefused = Callable[[Outgoing, ApiError], None]


class Sender:
    """One worker for each lane in which something waits.

    One message of a lane is under way at a time: a second one could overtake the first where that
    is told "later". A lost answer is asked for again with the same id.
    """

    def __init__(
        self,
        api: Api,
        outbox: Outbox,
        *,
        dice: Random,
        on_refused: OnRefused,
        on_sent: Callable[[], None],
    ) -> None:
        self._api = api
        self._outbox = outbox
        self._dice = dice
        self._on_refused = on_refused
        self._on_sent = on_sent
        self._workers: dict[Lane, asyncio.Task[None]] = {}
        self._nudged = asyncio.Event()

    def work(self) -> None:
        """See to it that every lane in which something waits is worked on."""
        for lane in self._outbox.lanes:
            if lane not in self._workers:
                task = asyncio.create_task(self._drain(lane))
                self._workers[lane] = task
                task.add_done_callback(partial(self._left, lane))

    def nudge(self) -> None:
        """The server is there again: whoever waits to try, tries now."""
        self._nudged.set()
        self._nudged = asyncio.Event()

    async def stop(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _left(self, lane: Lane, task: asyncio.Task[None]) -> None:
        del self._workers[lane]
        if task.cancelled():
            return
        error = task.exception()
        waiting = self._outbox.first(lane)
        if error is not None:
            # The caller's store, as a rule. The message stays where it is, for a later process.
            log.error("the outgoing queue stopped: %s", type(error).__name__)
            self._outbox.fail(lane, error)
        elif waiting is not None and self._api.session.open:
            self.work()  # added in the moment when the worker left

    async def _drain(self, lane: Lane) -> None:
        while (next_one := self._outbox.first(lane)) is not None:
            item, delivery = next_one
            try:
                message = await self._until_known(item, delivery)
            except LoggedOut as error:
                # It stays in the store, for when the same person is here again.
                self._outbox.fail(lane, error)
                return
            except ApiError as error:
                try:
                    await self._outbox.settle(lane)
                finally:  # whoever waits is told, whatever becomes of the store
                    delivery.failed(error)
                    self._on_refused(item, error)
            else:
                try:
                    await self._outbox.settle(lane)
                finally:
                    delivery.sent(message)
                    self._on_sent()

    async def _until_known(self, item: Outgoing, delivery: Delivery) -> SentMessage:
        body = {
            **item.body,
            "chat_id": item.chat_id,
            "client_message_id": item.client_message_id,
        }
        failures = broken = 0
        while True:
            delivery.attempts += 1
            try:
                return await self._api.post("messages/send_message/", SentMessage, body)
            except (Throttled, Unavailable) as error:
                delivery.tried(error.crisis_resources)
                broken += error.status == 500
                if broken >= BROKEN_TRIES:
                    raise
                wait = pause(failures, self._dice, retry_after=error.retry_after)
                failures += 1
                log.info("message %s: %s, again in %.1f s", item.number, error.code, wait)
                await self._wait(wait, asked=error.retry_after is not None)

    async def _wait(self, seconds: float, *, asked: bool) -> None:
        """A pause; one that the server did not ask for ends early where it is heard of again."""
        if asked:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), seconds)
