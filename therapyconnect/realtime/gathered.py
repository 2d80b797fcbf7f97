"""What the streams of many chats miss at the same time, read together.

News from another process comes as one parcel that names many chats, and a look into the database
finds many that are behind: their streams ask within one turn of the loop, and are answered by one
read instead of one each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import psycopg

from therapyconnect.core.errors import Unavailable
from therapyconnect.core.queries import Reading
from therapyconnect.messaging.selectors.events import Stretch, stretches_for_streams

CHATS_AT_ONCE: Final = 50
EVENTS_AT_ONCE: Final = 200
"""Of all chats of a read together: so long the loop opens seals before anyone else has a turn."""

_OUTAGES: Final = (psycopg.Error, TimeoutError, Unavailable)

Read = Callable[[Reading[Any]], Awaitable[Any]]
Answer = asyncio.Future[Stretch | None]


class GatheredReads:
    """Reads for streams (`ReadEvents`); on the loop only. `read` runs a selector."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._asked: dict[tuple[str, int], Answer] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, chat_id: str, after_seq: int) -> Stretch | None:
        """The next piece of the chat after `after_seq`; None where there is no such chat."""
        answer = self._asked.get((chat_id, after_seq))
        if answer is None:
            loop = asyncio.get_running_loop()
            if not self._asked:
                loop.call_soon(self._ask)
            answer = self._asked[chat_id, after_seq] = loop.create_future()
        return await asyncio.shield(answer)

    def _ask(self) -> None:
        """Read for all that asked in this turn. A chat is in a read once."""
        asked, self._asked = self._asked, {}
        while asked:
            chunk: dict[str, tuple[int, Answer]] = {}
            for (chat_id, after_seq), answer in asked.items():
                if chat_id not in chunk and len(chunk) < CHATS_AT_ONCE:
                    chunk[chat_id] = after_seq, answer
            for chat_id, (after_seq, _) in chunk.items():
                del asked[chat_id, after_seq]
            task = asyncio.get_running_loop().create_task(self._answer(chunk))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, chunk: dict[str, tuple[int, Answer]]) -> None:
        try:
            found = await self._read(
                stretches_for_streams(
                    {chat_id: after_seq for chat_id, (after_seq, _) in chunk.items()},
                    limit=EVENTS_AT_ONCE // len(chunk),
                )
            )
        except Exception as error:
            if len(chunk) > 1 and not isinstance(error, _OUTAGES):
                # A row of one chat can't be read: that is no reason for the others to wait.
                for chat_id, one in chunk.items():
                    await self._answer({chat_id: one})
                return
            for _, answer in chunk.values():
                if not answer.done():
                    answer.set_exception(error)
                    answer.exception()  # whoever asked may be gone
        except BaseException:
            for _, answer in chunk.values():
                answer.cancel()
            raise
        else:
            for chat_id, (_, answer) in chunk.items():
                if not answer.done():
                    answer.set_result(found[chat_id])
