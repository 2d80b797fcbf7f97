"""A socket client for tests: sends frames, waits for the one it is told to."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.harness.server import LiveServer

Frame = dict[str, Any]

PATIENCE_SECONDS = 30.0
"""For what must come; a busy machine may stall for seconds."""
CLOSED_SECONDS = 5.0
"""So long after its right has ended a socket is open at most: a promise of the contract."""
SLACK_SECONDS = 5.0
"""What a busy machine may take beside."""


class SocketClient:
    """`received` keeps every frame in the order of its arrival.

    Who comes and goes is heard only with `presence`: else each test would count those frames too.
    """

    def __init__(
        self,
        server: LiveServer,
        path: str,
        token: str | None,
        *,
        presence: bool = False,
        **options: Any,
    ) -> None:
        self._presence = presence
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers.update(options.pop("headers", {}))
        self._opened = connect(
            f"{server.ws}{path}", additional_headers=headers, compression=None, **options
        )
        self.connection: ClientConnection = self._opened.__enter__()
        self.received: list[Frame] = []

    def send(self, type: str, **fields: Any) -> None:
        self.connection.send(json.dumps({"type": type, **fields}))

    def next(self, timeout: float = PATIENCE_SECONDS) -> Frame:
        """The next frame; `TimeoutError` where none comes."""
        end = time.monotonic() + timeout
        while True:
            frame: Frame = json.loads(self.connection.recv(max(0, end - time.monotonic())))
            if frame["type"] != "presence" or self._presence:
                self.received.append(frame)
                return frame

    def until(self, type: str, timeout: float = PATIENCE_SECONDS, **fields: Any) -> Frame:
        """The next frame of that type with those fields; what comes before it is kept."""
        end = time.monotonic() + timeout
        while True:
            frame = self.next(max(0.01, end - time.monotonic()))
            if frame["type"] == type and all(frame.get(k) == v for k, v in fields.items()):
                return frame

    def silent(self, seconds: float = 0.3) -> bool:
        """True where nothing arrives for that long."""
        try:
            self.next(seconds)
        except TimeoutError:
            return True
        return False

    def close_code(self, timeout: float = 10) -> int | None:
        """The code that the server closes with."""
        end = time.monotonic() + timeout
        try:
            while time.monotonic() < end:
                self.next(max(0.01, end - time.monotonic()))
        except TimeoutError:
            return None
        except Exception:
            return self.connection.protocol.close_code
        return None

    def __enter__(self) -> SocketClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)


def chat_socket(server: LiveServer, chat_id: str, token: str, **options: Any) -> SocketClient:
    """A chat socket, greeted."""
    client = SocketClient(server, f"/ws/chat/{chat_id}/", token, **options)
    client.until("connection_established")
    return client


def user_socket(server: LiveServer, user_id: str, token: str, **options: Any) -> SocketClient:
    """A user socket, greeted."""
    client = SocketClient(server, f"/ws/notifications/{user_id}/", token, **options)
    client.until("connection_established")
    return client
