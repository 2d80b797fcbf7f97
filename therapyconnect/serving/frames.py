"""RFC 6455 frames: the headers we send and the frames we read.

Our own, because an idle socket then holds no parser at all and the common frame (whole, masked,
text) takes one pass; the tests hold it against the `websockets` library. Masking is that library's
C function.
"""

from __future__ import annotations

import struct

from websockets.exceptions import ProtocolError
from websockets.frames import Close
from websockets.frames import CloseCode as CloseCode

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiler for this platform
    from websockets.utils import apply_mask

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
_OPCODES = frozenset((CONT, TEXT, BINARY, CLOSE, PING, PONG))

SHORT_TEXT_HEADERS = tuple(bytes((0x80 | TEXT, size)) for size in range(126))
_pack_short = struct.Struct("!BB").pack
_pack_medium = struct.Struct("!BBH").pack
_pack_long = struct.Struct("!BBQ").pack

# A frame's payload; the opcode is TEXT, BINARY, CLOSE, PING or PONG.
Message = tuple[int, bytes]


class FrameError(Exception):
    """The peer broke the protocol or a limit. `code` is the close code it gets; the text is ours,
    never data.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def header(opcode: int, size: int) -> bytes:
    """The header of a whole, unmasked frame: 2, 4 or 10 bytes."""
    if size < 126:
        return _pack_short(0x80 | opcode, size)
    if size < 65536:
        return _pack_medium(0x80 | opcode, 126, size)
    return _pack_long(0x80 | opcode, 127, size)


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a close frame; 1005 is the empty one. The reason is cut to the 123 bytes a
    frame can hold.
    """
    if code == CloseCode.NO_STATUS_RCVD:
        return b""
    return code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode()


def parse_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a received close frame. `FrameError` where it is not valid."""
    try:
        close = Close.parse(payload)
    except UnicodeDecodeError:
        raise FrameError(1007, "invalid UTF-8 in close reason") from None
    except ProtocolError:
        raise FrameError(1002, "invalid close frame") from None
    return int(close.code), close.reason


class FrameReader:
    """Turns a client's bytes into whole messages, one at a time, within a bound.

    After a `FrameError` the stream has lost its rhythm: nothing more may be read from it.
    """

    __slots__ = ("_buffer", "_fragments", "_limit", "_need", "_opcode", "_start")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # What has come and is not yet read, from `_start` on. `_need` says how many bytes would
        # help, so that bytes which dribble in are only looked at once they can matter.
        self._buffer: bytes | bytearray = b""
        self._start = 0
        self._need = 2
        self._fragments: bytearray | None = None
        self._opcode = CONT

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer) or self._fragments is not None

    def feed(self, data: bytes) -> None:
        """Take bytes from the network."""
        if not self._buffer:
            self._buffer = data
        elif isinstance(self._buffer, bytearray) and not self._start:
            self._buffer += data
        else:
            self._buffer = bytearray(memoryview(self._buffer)[self._start :]) + data
            self._start = 0

    def discard(self) -> None:
        """Forget what was not read."""
        self._buffer, self._start, self._fragments = b"", 0, None

    def next(self) -> Message | None:
        """The next whole message or control frame, or None until more bytes come. Raises
        `FrameError`.
        """
        while True:
            frame = self._next_frame()
            if frame is None:
                return None
            head, payload = frame
            opcode = head & 0x0F
            if opcode >= CLOSE:
                return opcode, payload
            if opcode == CONT:
                if self._fragments is None:
                    raise FrameError(1002, "unexpected continuation frame")
                self._fragments += payload
                if not head & 0x80:
                    continue
                whole, self._fragments = bytes(self._fragments), None
                return self._opcode, whole
            if self._fragments is not None:
                raise FrameError(1002, "expected a continuation frame")
            if head & 0x80:
                return opcode, payload
            self._opcode = opcode
            self._fragments = bytearray(payload)

    def _next_frame(self) -> Message | None:
        data, at = self._buffer, self._start
        have = len(data) - at
        if have < self._need:
            return None
        head, second = data[at], data[at + 1]
        if head != 0x81:
            self._check_head(head, second)
        if not second & 0x80:
            raise FrameError(1002, "incorrect masking")
        size, prefix = second & 0x7F, 2
        if size >= 126:
            prefix = 4 if size == 126 else 10
            if have < prefix:
                self._need = prefix
                return None
            size = int.from_bytes(data[at + 2 : at + prefix], "big")
        room = self._limit if self._fragments is None else self._limit - len(self._fragments)
        if size > room and head & 0x0F < CLOSE:
            raise FrameError(1009, f"message over {self._limit} bytes")
        self._need = prefix + 4 + size
        if have < self._need:
            return None
        body = at + prefix + 4
        payload = apply_mask(data[body : body + size], data[body - 4 : body]) if size else b""
        self._need = 2
        if body + size == len(data):
            self._buffer, self._start = b"", 0
        else:
            self._start = body + size
        return head, payload

    def _check_head(self, head: int, second: int) -> None:
        if head & 0x70:
            raise FrameError(1002, "reserved bits must be 0")
        opcode = head & 0x0F
        if opcode not in _OPCODES:
            raise FrameError(1002, "invalid opcode")
        if opcode >= CLOSE and (not head & 0x80 or second & 0x7F > 125):
            raise FrameError(1002, "invalid control frame")
