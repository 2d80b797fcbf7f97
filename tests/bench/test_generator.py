"""The load generator against small servers of this file: what it sees is what was there."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bench.dialects import DIALECTS
from bench.load import generate

PAIRS = [
    {"chat_id": f"CHAT_{n}", "therapist_token": f"t{n}", "patient_token": f"p{n}"} for n in (1, 2)
]
Answer = Callable[[int], Awaitable[None]]


class Echo:
    """Tells each message to both sides of its chat, in a dialect, after `pause`."""

    def __init__(self, dialect: str, pause: Answer) -> None:
        self.dialect, self.pause = dialect, pause
        self.count = 0
        self.refuses = False
        self.seqs: dict[str, int] = {}
        self.sides: dict[str, dict[str, ServerConnection]] = {}
        self.receipts = 0

    async def __call__(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        token = socket.request.headers["authorization"].removeprefix("Bearer ")
        if self.dialect in ("node", "lean"):
            await socket.send('0{"sid":"x"}')
            said = str(await socket.recv())
            assert said.startswith("40")
            joined = json.loads(said[2:])
            assert joined["token"] == token
            chat = joined["chat_id"]
            await socket.send('40{"sid":"y"}')
        else:
            chat = socket.request.path.split("/")[3]
            await socket.send('{"type":"connection_established","last_seq":0}')
        self.sides.setdefault(chat, {})[token[0]] = socket
        async for frame in socket:
            await self.heard(chat, str(frame))

    async def heard(self, chat: str, text: str) -> None:
        if text.startswith(('{"type":"message_read"', '42["read"')):
            self.receipts += 1
            read = json.loads(text.removeprefix("42"))
            assert (read if isinstance(read, dict) else read[1])["seq"] <= self.seqs[chat]
            return
        self.count += 1
        await self.pause(self.count)
        sender, reader = self.sides[chat]["t"], self.sides[chat]["p"]
        if self.dialect in ("node", "lean"):
            number, body = text[2:11], json.loads(text[11:])[1]
            assert len(body["text"]) == 200
            if self.refuses:
                await sender.send(f'43{number}[{{"error":"refused"}}]')
                return
            if self.dialect == "node":
                body["seq"] = self.seqs[chat] = self.seqs.get(chat, 0) + 1
            await sender.send(f"43{number}{json.dumps([body])}")
            await reader.send("42" + json.dumps(["message", body], separators=(",", ":")))
            return
        asked = json.loads(text)
        assert len(asked["text"]) == 200
        seq = self.seqs[chat] = self.seqs.get(chat, 0) + 1
        message = {"seq": seq, "client_message_id": asked["client_message_id"]}
        spaces = (",", ":") if self.dialect == "ours" else (", ", ": ")
        for socket in (sender, reader):
            own = {"ref": asked["ref"]} if socket is sender and "ref" in asked else {}
            frame = {"type": "chat_message", **own, "message": message}
            await socket.send(json.dumps(frame, separators=spaces))


async def at_once(count: int) -> None:
    """No pause."""


def measured(echo: Echo, **asked: Any) -> dict[str, Any]:
    job = {
        "run": "abcd1234", "dialect": echo.dialect, "pairs": PAIRS, "in_flight": 2, "rate": 0.0,
        "receipt_ms": 20.0, "warm_seconds": 0.05, "seconds": 0.3, "app_pid": os.getpid(),
        "postgres_pid": os.getpid(), **asked,
    }  # fmt: skip

    async def both() -> dict[str, Any]:
        async with serve(echo, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await generate({**job, "port": port})

    return asyncio.run(both())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_message_is_accounted_for(dialect: str) -> None:
    echo = Echo(dialect, at_once)
    found = measured(echo)
    assert found["messages_per_second"] > 0
    assert found["delivery_ms"]["p50"] > 0
    counts = [found[key] for key in ("unacked", "undelivered", "gaps", "ended_sockets", "errors")]
    assert counts == [0, 0, 0, 0, []]
    assert (echo.receipts > 0) == (dialect in ("ours", "node"))


def test_a_closed_load_waits_for_its_answers() -> None:
    async def hold(count: int) -> None:
        await asyncio.sleep(0.01)

    echo = Echo("ours", hold)
    found = measured(echo, in_flight=1)
    # One at a time and 10 ms each: two senders make no more than 200 a second.
    assert 0 < found["messages_per_second"] <= 230


def test_in_an_open_load_a_stall_is_felt_by_all_that_were_due() -> None:
    stall = 0.3

    async def stalls(count: int) -> None:
        if count == 100:
            await asyncio.sleep(stall)

    found = measured(Echo("ours", stalls), rate=200.0, seconds=1.0)
    # Of two senders one was stalled: for 0.3 s it had no answer, and each of its 30
    # messages waited since it was due. A generator that waits for its answers would see one.
    assert found["ack_ms"]["p99"] > stall * 1000 * 0.8
    assert found["unacked"] == 0


def test_a_refusal_is_told() -> None:
    echo = Echo("node", at_once)
    echo.refuses = True
    found = measured(echo, rate=50.0, seconds=0.1, drain_seconds=0.2)
    assert found["errors"]
    assert '"error":"refused"' in found["errors"][0]
    assert found["unacked"] > 0
