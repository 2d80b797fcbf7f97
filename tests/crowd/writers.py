"""Pairs that talk: how long their acks take, and how long until the other hears it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from bench.wire import Socket, frame
from tests.harness.server import LiveServer, Pair

ACK_SECONDS = 60.0

S = TypeVar("S", bound=Socket)


@dataclass
class Times:
    """Seconds, of what was written while this was the writers' `times`."""

    acks: list[float] = field(default_factory=list)
    deliveries: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Writer(Socket):
    """A therapist's chat socket that has so many messages in flight at a time."""

    def __init__(self, server: LiveServer, pair: Pair, times: Times) -> None:
        path = f"/ws/chat/{pair.chat_id}/"
        super().__init__(f"127.0.0.1:{server.port}", path, pair.therapist_token)
        self.times = times
        self.began: dict[str, float] = {}
        self._number = 0
        self._answers: dict[int, asyncio.Future[str]] = {}

    def hear(self, text: bytes) -> None:
        said = json.loads(text)
        answer = self._answers.pop(said.get("ref"), None)
        if answer is not None and not answer.done():
            answer.set_result(said.get("code", ""))

    async def write(self, text: str) -> None:
        """Send and wait for the ack or the refusal."""
        self._number += 1
        number, times = self._number, self.times
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        said = {
            "type": "chat_message", "text": text, "ref": number, "client_message_id": str(number),
        }  # fmt: skip
        began = self.began[str(number)] = time.perf_counter()
        self.say(frame_of(json.dumps(said, ensure_ascii=False).encode()))
        self.flush()
        async with asyncio.timeout(ACK_SECONDS):  # `wait_for` may lose a cancellation
            refused = await answer
        if refused:
            times.refused.append(refused)
        else:
            times.acks.append(time.perf_counter() - began)

    async def write_on(self, text: str, every: float) -> None:
        while True:
            await self.write(text)
            await asyncio.sleep(every)


class Hearer(Socket):
    """A patient's chat socket, which can stop reading."""

    def __init__(self, server: LiveServer, pair: Pair, writer: Writer) -> None:
        path = f"/ws/chat/{pair.chat_id}/"
        super().__init__(f"127.0.0.1:{server.port}", path, pair.patient_token)
        self._writer = writer

    def hear(self, text: bytes) -> None:
        said = json.loads(text)
        if said["type"] == "chat_message":
            began = self._writer.began[said["message"]["client_message_id"]]
            self._writer.times.deliveries.append(time.perf_counter() - began)

    def stall(self) -> int:
        """Read nothing more; the port that it came from."""
        assert self._transport is not None
        self._transport.pause_reading()
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def read_on(self) -> None:
        assert self._transport is not None
        self._transport.resume_reading()


async def opened(one: S, server: LiveServer, *, receive_buffer: int | None = None) -> S:
    """`one`, connected and greeted."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", server.port))
    await loop.create_connection(partial(_same, one), sock=sock)
    await one.opened
    return one


@asynccontextmanager
async def writing(
    server: LiveServer, pairs: Sequence[Pair], every: float = 0.1
) -> AsyncIterator[Times]:
    """A therapist of each pair writes; they connect meanwhile, among whoever else comes."""
    times = Times()

    async def write(pair: Pair) -> None:
        writer = await opened(Writer(server, pair, times), server)
        try:
            await writer.write_on("Writing on.", every)
        finally:
            writer.close()

    async with running(*(write(pair) for pair in pairs)):
        yield times


@asynccontextmanager
async def running(*endless: object) -> AsyncIterator[None]:
    """These go on meanwhile; that one of them ended by itself is an error."""
    tasks = [asyncio.ensure_future(one) for one in endless]  # type: ignore[arg-type]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def frame_of(payload: bytes) -> bytes:
    """A whole client frame of any size: the generator's own knows short ones only."""
    if len(payload) < 1 << 16:
        return frame(payload)
    return b"\x81\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


def _same(one: S) -> S:
    return one
