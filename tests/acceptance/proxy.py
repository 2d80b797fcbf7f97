"""A TCP proxy that cuts, resets, slices, stalls and throttles: what sockets meet on the way to a
phone.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import suppress

from tests.harness.relay import Relay

CHUNK = 16 * 1024
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: what is closed is reset, and what was on its way is gone."""


class Proxy(Relay):
    """Leads connections to `port` of this machine, badly; `done` counts what it did to them."""

    def __init__(self, port: int, dice: random.Random) -> None:
        super().__init__(port)
        self._dice = dice
        self.done: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.done["connections"] += 1
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._to)
        except OSError:
            writer.transport.abort()
            return
        # Two of three are cut after so many bytes: in the middle of a frame, as a rule.
        cut_after = self._dice.randrange(300, 40_000) if self._dice.random() < 0.66 else None
        resets = self._dice.random() < 0.5
        # One of five is a slow line: so many bytes a second towards the client.
        speed = self._dice.randrange(8_000, 60_000) if self._dice.random() < 0.2 else None
        if speed is not None:
            self.done["throttles"] += 1
        both = [
            asyncio.create_task(self._carry(reader, out, None)),
            asyncio.create_task(self._carry(there, writer, cut_after, speed)),
        ]
        try:
            with suppress(asyncio.CancelledError):  # asyncio's server would log it as an error
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
            for end in (writer, out):
                if resets:
                    self._reset(end)
                end.transport.abort()

    def _reset(self, end: asyncio.StreamWriter) -> None:
        """Let it end with a reset, unless it has ended by itself."""
        with suppress(OSError):
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.done["resets"] += 1

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        left: int | None,
        speed: int | None = None,
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                if self._dice.random() < 0.1:
                    self.done["stalls"] += 1
                    await asyncio.sleep(self._dice.uniform(0.01, 0.4))
                size = self._dice.choice((1, 7, 64, CHUNK, CHUNK))
                if size < len(data):
                    self.done["slices"] += 1
                    size = max(size, len(data) // 40)
                for at in range(0, len(data), size):
                    piece = data[at : at + size]
                    if left is not None and len(piece) >= left:
                        sink.write(piece[:left])
                        await sink.drain()
                        self.done["cuts"] += 1
                        return
                    sink.write(piece)
                    await sink.drain()
                    if speed is not None:
                        await asyncio.sleep(len(piece) / speed)
                    elif size < len(data):
                        await asyncio.sleep(0)
                    left = left - len(piece) if left is not None else None
