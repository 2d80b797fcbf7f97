"""How each contender's frames look: what the generator sends, and where it finds what it counts.

A number of nine digits goes into each message, as its `client_message_id` and, where the contender
has one, as the frame's own reference, so frames are built by joining and read by position.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST = 100_000_000
"""The first message's number: all have nine digits."""

_OWN_ID = b'client_message_id":'  # as JSON of any spacing has it


@dataclass(frozen=True)
class Dialect:
    """`send` is the text around the message's number; `{text}` and `{run}` are filled in first."""

    path: str
    send: tuple[str, ...]
    ack: bytes
    """Begins the frame that answers a sender."""
    push: bytes
    """Begins the frame that brings a message to the other side."""
    error: bytes
    """Is near the start of a frame that refuses."""
    ref: bytes = b""
    """Comes right before the number in an ack; empty where the ack is the push."""
    seq: bytes = b""
    """Comes right before a gapless number in each push; empty where the contender has none."""
    last: bytes = b""
    """Comes right before the last such number in the first frame; empty where that says none."""
    receipt: bytes = b""
    """A read receipt up to such a number; empty where the contender has none."""
    join: str = ""
    """Said once the server's first frame was heard; the answer to it opens the socket."""
    ping: bytes = b"\0"
    pong: bytes = b""

    def failed(self, text: bytes) -> bool:
        return text.find(self.error, 0, 40) >= 0

    def acked(self, text: bytes) -> int | None:
        """Which message a frame that the sender heard answers, if any."""
        if not text.startswith(self.ack):
            return None
        if not self.ref:
            return self.pushed(text)
        at = text.find(self.ref)
        if at < 0:
            return None
        at += len(self.ref)
        return int(text[at : at + 9]) - FIRST

    def pushed(self, text: bytes) -> int:
        """Which message the other side heard: the nine digits that end its client's id."""
        at = text.index(_OWN_ID) + len(_OWN_ID)
        end = text.index(b'"', text.index(b'"', at) + 1)
        return int(text[end - 9 : end]) - FIRST


OURS = Dialect(
    path="/ws/chat/{chat_id}/",
    send=('{{"type":"chat_message","text":"{text}","client_message_id":"{run}-', '","ref":', "}}"),
    ack=b'{"type":"chat_message"',
    ref=b'"ref":',
    push=b'{"type":"chat_message"',
    error=b'{"type":"error"',
    seq=b'"seq":',
    last=b'"last_seq":',
    receipt=b'{"type":"message_read","seq":%d}',
)

# Its sender hears its own message like the other one: that is its ack.
TUTORIAL = Dialect(
    path="/ws/chat/{chat_id}/",
    send=('{{"text":"{text}","client_message_id":"{run}-', '"}}'),
    ack=b'{"type": "chat_message"',
    push=b'{"type": "chat_message"',
    error=b'{"type": "error"',
)

# Engine.IO 4 around Socket.IO 5: `0` opens, `40` joins, `42` is an event, `43` its ack.
LEAN = Dialect(
    path="/socket.io/?EIO=4&transport=websocket",
    send=("42", '["message",{{"text":"{text}","client_message_id":"{run}-', '"}}]'),
    ack=b"43",
    ref=b"43",
    push=b'42["message"',
    error=b'{"error":',
    join='40{{"token":"{token}","chat_id":"{chat_id}"}}',
    ping=b"2",
    pong=b"3",
)
NODE = replace(LEAN, seq=b'"seq":', receipt=b'42["read",{"seq":%d}]')

DIALECTS = {"ours": OURS, "tutorial": TUTORIAL, "tuned": TUTORIAL, "node": NODE, "lean": LEAN}
