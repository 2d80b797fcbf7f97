"""Our reader of frames beside the `websockets` library's, on the same bytes."""

from __future__ import annotations

import random

from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from therapyconnect.serving.frames import FrameError, FrameReader, Message, header, parse_close

LIMIT = 2000


def ours(pieces: list[bytes]) -> tuple[list[Message], int | None]:
    reader = FrameReader(LIMIT)
    messages: list[Message] = []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (message := reader.next()) is not None:
                messages.append(message)
                if message[0] == 8:
                    parse_close(message[1])
                    return messages, None
    except FrameError as error:
        return [message for message in messages if message[0] != 8], error.code
    return messages, None


def theirs(pieces: list[bytes]) -> tuple[list[Message], int | None] | None:
    """What the library makes of it; None where it is stricter on purpose of its own.

    To it a close inside a fragmented message is an error, and a ping there counts as its size.
    """
    protocol = ServerProtocol(max_size=LIMIT, state=OPEN)
    messages: list[Message] = []
    opcode, whole = 0, b""
    for piece in pieces:
        protocol.receive_data(piece)
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode >= 8:
                messages.append((int(event.opcode), bytes(event.data)))
                continue
            if event.opcode:
                opcode, whole = int(event.opcode), b""
            whole += event.data
            if event.fin:
                messages.append((opcode, whole))
        if str(protocol.parser_exc) == "incomplete fragmented message":
            return None
        if (
            isinstance(protocol.parser_exc, PayloadTooBig)
            and LIMIT - (protocol.current_size or 0) < 125
        ):
            return None
        if protocol.parser_exc is not None:
            assert protocol.close_sent is not None
            return messages, int(protocol.close_sent.code)
        if protocol.close_rcvd is not None:
            return messages, None
    return messages, None


def some_bytes(chance: random.Random) -> bytes:
    """A stream of frames, mostly right."""
    stream = bytearray()
    for _ in range(chance.randint(1, 8)):
        size = chance.choice([0, 1, 5, 100, 125, 126, 500, 1999, 2000, 2001])
        opcode = chance.choice([1, 1, 1, 2, 0, 0, 9, 10, 8])
        if opcode > 8:
            size = min(size, 125)
        payload = chance.randbytes(size)
        if opcode == 8:
            payload = chance.choice(
                [b"", b"\x03\xe8", b"\x03\xe8bye", b"\x03", b"\x00\x01", b"\x03\xe8\xff"]
            )
        raw = bytearray(
            Frame(Opcode(opcode), payload, fin=opcode >= 8 or chance.random() < 0.7).serialize(
                mask=True
            )
        )
        if chance.random() < 0.05:
            raw[0] ^= 1 << chance.randrange(8)
        if chance.random() < 0.02:
            raw[1] ^= 0x80
        stream += raw
    return bytes(stream)


def test_on_random_streams_cut_at_random_both_read_the_same() -> None:
    chance = random.Random(11)
    outcomes = set()
    for _ in range(3000):
        stream = some_bytes(chance)
        cuts = sorted(
            chance.randrange(len(stream) + 1) for _ in range(chance.choice([0, 1, 3, 10]))
        )
        pieces = [
            stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True) if a < b
        ]
        expected = theirs(pieces)
        if expected is not None:
            messages, code = ours(pieces)
            assert messages == expected[0]
            # A frame wrong in two ways: which one is named is a matter of order.
            assert code == expected[1] or {code, expected[1]} == {1002, 1009}
            outcomes.add(expected[1])
    assert outcomes == {None, 1002, 1007, 1009}


def test_headers_are_those_of_the_library() -> None:
    for size in (0, 1, 125, 126, 127, 65535, 65536, 200_000):
        payload = b"x" * size
        assert header(1, size) + payload == Frame(Opcode.TEXT, payload).serialize(mask=False)
