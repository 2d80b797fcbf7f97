"""A chat that nobody can write to, for a lock that is held: all the others go on."""

from __future__ import annotations

import asyncio
import json
import time

import psycopg
from websockets.asyncio.client import ClientConnection, connect

from tests.faults.conftest import Take
from tests.harness.server import LiveServer, Pair

STUCK_SECONDS = 2.0  # below a lane's patience with a lock


def test_a_chat_that_is_stuck_holds_up_nobody_else(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    stuck, others = take(1)[0], take(5)

    async def talk() -> tuple[list[float], float]:
        async with await opened(stack, stuck) as held:
            with psycopg.connect(superuser) as holder:
                holder.execute(
                    "SELECT 1 FROM messaging_chat WHERE id = %s FOR UPDATE", [stuck.chat_id]
                )
                begun = time.monotonic()
                await say(held, "stuck")
                waits = [await _round(stack, other) for other in others]
                await asyncio.sleep(max(0.0, STUCK_SECONDS - (time.monotonic() - begun)))
            await acked(held, "stuck")
            return waits, time.monotonic() - begun

    waits, held_up = asyncio.run(talk())
    assert held_up >= STUCK_SECONDS
    # One after another, all five had their answers while the first one waited.
    assert sum(waits) < held_up


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
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), 30))
        assert frame["type"] != "error", frame
        if frame["type"] == "chat_message" and frame.get("ref") == ref:
            return


async def _round(server: LiveServer, pair: Pair) -> float:
    """Seconds from a message to its ack, on a socket that is open."""
    async with await opened(server, pair) as socket:
        begun = time.monotonic()
        await say(socket, "other")
        await acked(socket, "other")
        return time.monotonic() - begun
