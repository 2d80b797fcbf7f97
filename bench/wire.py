"""A WebSocket client that costs next to nothing: no library, no task, frames built by hand.

Client frames carry a mask of zeros, which the protocol allows: the server unmasks them like any
other, and the generator saves the work.
"""

from __future__ import annotations

import asyncio
import base64
import os
import struct
from typing import cast

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_MASK = bytes(4)


def frame(payload: bytes, opcode: int = _TEXT) -> bytes:
    """A whole client frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + _MASK + payload


class Socket(asyncio.Protocol):
    """One socket. A subclass hears each text frame and queues answers with `say`."""

    def __init__(self, host: str, path: str, token: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {token}\r\n\r\n"
        ).encode()
        self._rest = b""
        self._out: list[bytes] = []
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the greeting was heard: the first text frame, where `greeted` has it so."""
        self.ended = False
        self.code: int | None = None
        """What the server closed with, where it said so."""

    def hear(self, text: bytes) -> None:
        raise NotImplementedError

    def greeted(self, text: bytes) -> bool | None:
        """The first frame; False where a later one opens the socket, which comes here too."""

    def turn(self) -> None:
        """Called before the frames of one read are heard."""

    def say(self, whole_frame: bytes) -> None:
        """Queue a frame; all frames of one turn leave in one write."""
        self._out.append(whole_frame)

    def flush(self) -> None:
        if self._out and self._transport is not None:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.write(frame(b"\x03\xe8", _CLOSE))
            self._transport.close()

    # --- the loop's side ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("the socket ended before its greeting"))

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        if not self._upgraded:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head.decode("latin-1")))
                return
            self._upgraded = True
        self.turn()
        self._rest = self._read(buffer)
        self.flush()

    def _read(self, buffer: bytes) -> bytes:
        """Hear every whole frame; returns what is left over."""
        at, end = 0, len(buffer)
        while end - at >= 2:
            size, body = buffer[at + 1], at + 2
            if size == 126:
                body = at + 4
                if end < body:
                    break
                size = buffer[at + 2] << 8 | buffer[at + 3]
            elif size == 127:
                body = at + 10
                if end < body:
                    break
                size = int.from_bytes(buffer[at + 2 : body], "big")
            if end < body + size:
                break
            opcode = buffer[at] & 0x0F
            if opcode == _TEXT:
                self._text(buffer[body : body + size])
            elif opcode == _PING:
                self.say(frame(buffer[body : body + size], _PONG))
            elif opcode == _CLOSE:
                self.ended = True
                self.code = int.from_bytes(buffer[body : body + min(size, 2)], "big")
                self.say(frame(buffer[body : body + min(size, 2)], _CLOSE))
            at = body + size
        return buffer[at:]

    def _text(self, text: bytes) -> None:
        if self.opened.done():
            self.hear(text)
        else:
            try:
                if self.greeted(text) is not False:
                    self.opened.set_result(None)
            except ConnectionError as refusal:
                self.opened.set_exception(refusal)
