"""A chat that nobody can write to, for a lock that is held: all the others go on."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import psycopg
from websockets.asyncio.client import ClientConnection, connect

from tests.faults.batches import LANES, waiting_for_a_lock
from tests.faults.conftest import Take
from tests.harness.server import LiveServer, Pair

OTHERS = 5


def test_a_chat_that_is_stuck_holds_up_nobody_else(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    stuck, *others = take(1 + OTHERS)
    assert LANES > 1

    async def talk() -> None:
        async with AsyncExitStack() as sockets:
            held, *free = [
                await sockets.enter_async_context(await opened(stack, pair))
                for pair in (stuck, *others)
            ]
            with psycopg.connect(superuser) as holder:
                holder.execute(
                    "SELECT 1 FROM messaging_chat WHERE id = %s FOR UPDATE", [stuck.chat_id]
                )
                await say(held, "stuck")
                while not waiting_for_a_lock(superuser, 1):
                    await asyncio.sleep(0.01)
                # One after another: each finds a lane stuck, and nobody else asking.
                for socket in free:
                    await say(socket, "other")
                    await acked(socket, "other")
                # Not because the lane gave up: it waits still.
                assert waiting_for_a_lock(superuser, 1)
            await acked(held, "stuck")

    asyncio.run(talk())


async def opened(server: LiveServer, pair: Pair) -> ClientConnection:
    socket = await connect(
        f"{server.ws}/ws/chat/{pair.chat_id}/",
        additional_headers={"Authorization": f"Bearer {pair.patient_token}"},
        compression=None, proxy=None, max_queue=None,
    )  # fmt: skip
    assert json.loads(await socket.recv())["type"] == "connection_established"
    return socket


async def say(socket: ClientConnection, ref: str) -> None:
    frame = {"type": "chat_message", "text": ref, "client_message_id": ref, "ref": ref}
    await socket.send(json.dumps(frame))


async def acked(socket: ClientConnection, ref: str) -> None:
    """Await the ack; an error frame instead of it fails the test."""
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 30))
        assert frame["type"] != "error", frame
        if frame["type"] == "chat_message" and frame.get("ref") == ref:
            return
