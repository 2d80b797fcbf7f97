"""Real servers in processes of their own, and clients that can misbehave."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

APP = Path(__file__).with_name("app_under_test.py")
PATIENCE = 20.0
"""Seconds for what comes at once, on however busy a machine; below each limit of `ROOMY`."""


class Process:
    """One running server."""

    def __init__(self, log: Path, **limits: float) -> None:
        self.log = log
        with log.open("wb") as errors:
            command = [sys.executable, str(APP), json.dumps(limits)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    def connect(self, *, receive_buffer: int = 0) -> Client:
        return Client(self.port, receive_buffer)

    def stats(self) -> dict[str, Any]:
        with self.connect() as client:
            client.write(b"GET /stats HTTP/1.0\r\nhost: x\r\n\r\n")
            body: dict[str, Any] = json.loads(client.read_all().partition(b"\r\n\r\n")[2])
            return body

    def until(self, what: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first stats of which it is true."""
        deadline = time.monotonic() + PATIENCE
        while not what(stats := self.stats()):
            assert time.monotonic() < deadline, stats
            time.sleep(0.05)
        return stats

    def until_logged(self, line: str, *, times: int = 1) -> None:
        """What the application is at, also where it answers no question."""
        deadline = time.monotonic() + PATIENCE
        while self.log.read_text().count(line) < times:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.01)

    def ask_all(self, *requests: bytes) -> list[bytes]:
        """The answers to all, asked side by side: some come only when a clock has run out."""
        with contextlib.ExitStack() as stack:
            clients = []
            for request in requests:
                clients.append(stack.enter_context(self.connect()))
                clients[-1].write(request)
            return [client.read_all() for client in clients]

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def tell(self) -> None:
        """End what waits until told, as `ack:told:reference` does."""
        self.send_signal(signal.SIGUSR1)

    def wait(self, timeout: float = PATIENCE) -> int:
        return self.process.wait(timeout)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


MakeServer = Callable[..., Process]


class Client:
    """A raw TCP client with just enough of WebSocket."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(("127.0.0.1", port))
        self.buffer = b""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def write(self, data: bytes) -> None:
        self.sock.sendall(data)

    def dribble(self, data: bytes, *, pause: float) -> bool:
        """A byte at a time; whether hung up on before all was said."""
        try:
            for byte in data:
                self.sock.sendall(bytes((byte,)))
                time.sleep(pause)
        except OSError:
            return True
        return False

    def read_some(self) -> bytes:
        data = self.sock.recv(1 << 20)
        self.buffer += data
        return data

    def read_all(self) -> bytes:
        """Until the server ends the connection, by whatever means."""
        with contextlib.suppress(ConnectionResetError):
            while self.read_some():
                pass
        data, self.buffer = self.buffer, b""
        return data

    def read_head(self) -> bytes:
        while b"\r\n\r\n" not in self.buffer:
            assert self.read_some(), self.buffer
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        return head

    def upgrade(self, path: str = "/", *headers: str) -> bytes:
        """Send the handshake and return the head of its answer."""
        self.write(handshake(path, *headers))
        return self.read_head()

    def send_frame(
        self, payload: bytes, *, opcode: int = 1, fin: bool = True, cut: int | None = None
    ) -> None:
        data = frame(payload, opcode=opcode, fin=fin)
        self.write(data if cut is None else data[:cut])

    def read_frame(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame; EOFError at the end."""
        while True:
            have = self.buffer
            if len(have) >= 2:
                size, start = have[1], 2
                if size == 126:
                    start, size = 4, int.from_bytes(have[2:4], "big")
                elif size == 127:
                    start, size = 10, int.from_bytes(have[2:10], "big")
                if len(have) >= start + size:
                    self.buffer = have[start + size :]
                    return have[0] & 15, have[start : start + size]
            if not self.read_some():
                raise EOFError

    def read_close(self) -> int:
        """Skip to the close frame and return its code."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == 8:
                return int.from_bytes(payload[:2], "big")


def handshake(path: str = "/", *headers: str) -> bytes:
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        "host: x",
        "connection: Upgrade",
        "upgrade: websocket",
        f"sec-websocket-key: {key}",
        "sec-websocket-version: 13",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def frame(payload: bytes, *, opcode: int = 1, fin: bool = True) -> bytes:
    """A masked frame, as a client must send it."""
    head = opcode | (0x80 if fin else 0)
    mask = b"\x01\x02\x03\x04"
    size = len(payload)
    if size < 126:
        start = struct.pack("!BB", head, 0x80 | size)
    elif size < 65536:
        start = struct.pack("!BBH", head, 0x80 | 126, size)
    else:
        start = struct.pack("!BBQ", head, 0x80 | 127, size)
    return start + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def error_of(answer: bytes) -> tuple[int, str]:
    """Status and error code of an answer in the project's error shape."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    assert b"content-type: application/json" in head.lower()
    parsed = json.loads(body)
    assert set(parsed) == {"type", "errors", "request_id"}
    assert len(parsed["request_id"]) == 32
    (error,) = parsed["errors"]
    assert set(error) == {"code", "detail", "attr"}
    return status, error["code"]


ROOMY: dict[str, float] = {
    "head_seconds": 60,
    "body_seconds": 60,
    "linger_seconds": 30,
    "stall_seconds": 60,
    "close_seconds": 30,
}
"""Not reached by who is only held up by a busy machine."""

HASTY: dict[str, float] = {
    **ROOMY,
    "head_seconds": 1.5,
    "body_seconds": 1.5,
    "response_stall_seconds": 0.8,
    "message_seconds": 0.6,
    "close_seconds": 0.8,
}


def shared(folder: Path, limits: dict[str, float]) -> Iterator[Process]:
    process = Process(folder / "server.log", **limits)
    yield process
    process.stop()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One server for all tests that leave it as it was and wait for none of its clocks."""
    yield from shared(tmp_path_factory.mktemp("serving"), ROOMY)


@pytest.fixture(scope="session")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The same with short limits, for tests about time."""
    yield from shared(tmp_path_factory.mktemp("hasty"), HASTY)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Makes servers for one test alone: `own_server(drain_seconds=1)`."""
    made: list[Process] = []

    def make(**limits: float) -> Process:
        made.append(Process(tmp_path / f"server{len(made)}.log", **{**ROOMY, **limits}))
        return made[-1]

    yield make
    for process in made:
        process.stop()
