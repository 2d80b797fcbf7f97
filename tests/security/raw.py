"""HTTP as nobody polite speaks it: bytes out, status and body in."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.harness.server import LiveServer


@dataclass(frozen=True)
class Answer:
    status: int
    head: str
    body: bytes

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


def exchange(server: LiveServer, request: bytes, timeout: float = 30) -> Answer:
    """The first answer to these bytes; status 0 where the server only hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        data = b""
        try:
            while b"\r\n\r\n" not in data or not _whole(data):
                piece = connection.recv(65536)
                if not piece:
                    break
                data += piece
        except (TimeoutError, ConnectionResetError):
            pass
    if not data:
        return Answer(0, "", b"")
    head, _, body = data.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = b"".join(body.split(b"\r\n")[1::2])
    return Answer(int(head.split(b" ")[1]), head.decode("latin-1"), body)


def _whole(data: bytes) -> bool:
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.partition(b":")[2])
        if line == b"transfer-encoding: chunked":
            return body.endswith(b"0\r\n\r\n")
    return False


def request(
    method: str, path: str, token: str, body: bytes = b"", *headers: str, host: str = "127.0.0.1"
) -> bytes:
    """A request's bytes, with nothing checked."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {token}",
        *headers,
    ]
    if body:
        lines.append(f"Content-Length: {len(body)}")
        if not any(line.lower().startswith("content-type:") for line in headers):
            lines.append("Content-Type: application/json")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
