"""A few who go on writing while the crowd comes: how long their acks take."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from bench.wire import Socket, frame
from tests.harness.server import LiveServer, Pair

ACK_SECONDS = 30.0


@dataclass
class Acks:
    took: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: int = 0


class Writer(Socket):
    """A chat socket that has one message in flight at a time."""

    def __init__(self, server: LiveServer, pair: Pair) -> None:
        path = f"/ws/chat/{pair.chat_id}/"
        super().__init__(f"127.0.0.1:{server.port}", path, pair.therapist_token)
        self.answered: asyncio.Future[str] | None = None

    def hear(self, text: bytes) -> None:
        said = json.loads(text)
        if "ref" in said and self.answered is not None and not self.answered.done():
            self.answered.set_result(said.get("code", ""))

    async def write(self, number: int) -> str:
        """The code of the refusal; empty where it was acked."""
        self.answered = asyncio.get_running_loop().create_future()
        said = {"type": "chat_message", "text": f"Writing on, {number}.", "ref": number}
        self.say(frame(json.dumps(said).encode()))
        self.flush()
        return await asyncio.wait_for(self.answered, ACK_SECONDS)


@asynccontextmanager
async def writing(
    server: LiveServer, pairs: Sequence[Pair], every: float = 0.1
) -> AsyncIterator[Acks]:
    acks = Acks()
    tasks = [asyncio.create_task(_write(server, pair, acks, every)) for pair in pairs]
    try:
        yield acks
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        acks.lost += sum(not isinstance(end, asyncio.CancelledError) for end in ends)


async def _write(server: LiveServer, pair: Pair, acks: Acks, every: float) -> None:
    loop = asyncio.get_running_loop()
    writer = Writer(server, pair)
    await loop.create_connection(partial(_same, writer), "127.0.0.1", server.port)
    await writer.opened
    try:
        number = 0
        while True:
            number += 1
            began = time.perf_counter()
            refused = await writer.write(number)
            if refused:
                acks.refused.append(refused)
            else:
                acks.took.append(time.perf_counter() - began)
            await asyncio.sleep(every)
    finally:
        writer.close()


def _same(writer: Writer) -> Writer:
    return writer
