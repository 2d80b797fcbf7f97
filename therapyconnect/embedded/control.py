"""What the keeper and its users say to each other: one JSON object a line, over a unix socket.

A user is an open connection. The keeper says `{"state": …, "note": …}` on every change:
    starting  wait; a changing `note` is progress
    ready     the server accepts connections
    failed    it does not start; `note` is the line for the person
    stopped   somebody stopped the keeper on purpose
A user says `bye` when it leaves. The end of the connection without it is a user that was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["starting", "ready", "failed", "stopped"]
BYE = b"bye\n"


@dataclass(frozen=True)
class Message:
    """One line from the keeper."""

    state: State
    note: str = ""

    def encode(self) -> bytes:
        return json.dumps({"state": self.state, "note": self.note}).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Message:
        """Raises ValueError for anything that no keeper says."""
        said = json.loads(line)
        if not isinstance(said, dict) or said.get("state") not in get_args(State):
            raise ValueError("not a keeper's message")
        return cls(said["state"], str(said.get("note", "")))


class Connection:
    """A user's end."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._rest = b""

    @classmethod
    def open(cls, path: str) -> Connection:
        """Connect to the keeper's socket; OSError when nobody listens there."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(5)
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        return cls(sock)

    def read(self, seconds: float | None) -> Message | None:
        """The next message; None at the end. TimeoutError after `seconds` (None: wait for ever)."""
        while b"\n" not in self._rest:
            self._sock.settimeout(seconds)
            try:
                data = self._sock.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                return None
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return Message.decode(line)

    def bye(self) -> None:
        """Say goodbye; the keeper then closes, after stopping the server for its last user."""
        with contextlib.suppress(OSError):
            self._sock.sendall(BYE)

    def close(self) -> None:
        self._sock.close()


def listen(path: str) -> socket.socket:
    """The keeper's socket, 0600, in place of a dead one; call it with the keeper's lock held."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.bind(path)
    finally:
        os.umask(before)
    sock.listen(128)
    sock.setblocking(False)
    return sock


def peer_uid(sock: socket.socket) -> int:
    """Whose process is at the other end, as the kernel says."""
    size = struct.calcsize("3i")
    uid: int = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return uid
