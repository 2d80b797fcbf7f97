"""Hundreds that begin a request, a handshake or a frame and do not end it hurt nobody."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import suppress

from tests.acceptance.records import now
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer, Pair

EACH = 60
HEAD_SECONDS = 10.0
ROOM_SECONDS = 5.0
"""For a machine that has much else to do."""
WHOLE = bool(os.environ.get("TC_CHAOS"))

UPGRADE = (
    "Host: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Half:
    """One kind of them: what is said, how fast, and how long the server may take to end it."""

    def __init__(
        self, name: str, said: bytes, bound: float, *, slowly: bool = False, upgraded: bool = False
    ) -> None:
        self.name, self.said, self.bound = name, said, bound
        self.slowly, self.upgraded = slowly, upgraded

    async def meet(self, port: int) -> tuple[float, bytes]:
        """(seconds from the last word to the end, what was answered)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            began = now()
            said = self.said
            if self.upgraded:
                head, said = self.said.split(b"\r\n\r\n", 1)
                writer.write(head + b"\r\n\r\n")
                answer = await reader.readuntil(b"\r\n\r\n")
                assert b" 101 " in answer, answer
                began = now()
            dribble = asyncio.create_task(self._say(writer, said))
            answer = b""
            with suppress(ConnectionError):
                async with asyncio.timeout(self.bound + 30):
                    while data := await reader.read(65536):
                        answer += data
            dribble.cancel()
            await asyncio.gather(dribble, return_exceptions=True)
            return now() - began, answer
        finally:
            writer.transport.abort()

    async def _say(self, writer: asyncio.StreamWriter, said: bytes) -> None:
        if not self.slowly:
            writer.write(said)
            return
        for at in range(len(said)):
            writer.write(said[at : at + 1])
            await asyncio.sleep(0.5)


def kinds(pair: Pair) -> list[Half]:
    token = pair.patient_token
    ws = f"GET /ws/chat/{pair.chat_id}/ HTTP/1.1\r\n{UPGRADE}Authorization: Bearer {token}\r\n"
    api = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    found = [
        Half("a head that stops", f"GET /api/chats/ {api}X-Half: y".encode(), HEAD_SECONDS),
        Half(
            "a head byte by byte", f"GET /api/chats/ {api}\r\n".encode(), HEAD_SECONDS, slowly=True
        ),
        Half("a handshake that stops", ws.encode(), HEAD_SECONDS),
        Half("nothing at all", b"", HEAD_SECONDS),
        Half("a handshake of 17 KiB", f"{ws}X-Big: {'y' * 17_000}\r\n\r\n".encode(), HEAD_SECONDS),
    ]
    if WHOLE:
        frame = bytes([0x81, 0xFE, 0x40, 0x00, 0, 0, 0, 0]) + b"half"
        body = f"POST /api/messages/ {api}Content-Type: application/json\r\nContent-Length: 999"
        found += [
            Half("a frame that stops", f"{ws}\r\n".encode() + frame, 30.0, upgraded=True),
            Half("a body that stops", f'{body}\r\n\r\n{{"chat'.encode(), 61.0),
        ]
    return found


def test_what_is_half_sent_is_closed_in_time_and_hurts_nobody(
    stack: LiveServer, take: Take, seed: int, record_property: Record
) -> None:
    pairs = take(3)
    met: list[tuple[str, float, float, bytes]] = []

    async def all_at_once() -> None:
        async def one(half: Half) -> None:
            seconds, answer = await half.meet(stack.port)
            met.append((half.name, half.bound, seconds, answer))

        await asyncio.gather(*(one(half) for half in kinds(pairs[0]) for _ in range(EACH)))

    endure(
        "hundreds of half-sent heads, handshakes and frames", lambda: asyncio.run(all_at_once()),
        server=stack, pairs=pairs, seed=seed, record=record_property, damaged=False,
    )  # fmt: skip
    slowest: dict[str, float] = {}
    statuses: dict[str, Counter[str]] = {}
    for name, bound, seconds, answer in met:
        assert seconds < bound + ROOM_SECONDS, f"{name}: open for {seconds:.1f} s"
        slowest[name] = max(seconds, slowest.get(name, 0.0))
        first = answer.split(b"\r\n", 1)[0].decode("latin-1") if answer[:4] == b"HTTP" else ""
        statuses.setdefault(name, Counter())[first or "closed"] += 1
    told = "; ".join(f"{n}: {dict(statuses[n])} <= {slowest[n]:.1f} s" for n in slowest)
    record_property("measured", f"{len(met)} at once: {told}")
    print(f"{len(met)} at once: {told}")  # noqa: T201
    for name, status in (("a handshake of 17 KiB", "431"), ("a handshake that stops", "408")):
        assert {line.split()[1] for line in statuses[name]} == {status}
