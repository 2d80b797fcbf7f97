"""A witness: looks on while a fault lasts, and times whatever it is answered."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.acceptance.records import now
from tests.harness.server import LiveServer, Pair

ANSWER_SECONDS = 25.0
"""The longest wait of the server's own is 15 s; the rest is for a slow machine."""
HEALTH_SECONDS = 10.0
GROWTH_MB = 200
PATIENCE = 60.0
PACE = 0.2
KINDS = ("live", "ready", "read", "send", "socket")


class Seen(NamedTuple):
    """One answer; `status` of a socket's is what REST would have said, 0 where none came."""

    what: str
    at: float
    seconds: float
    status: int
    retry_after: bool


class Witness:
    """Asks over and over, one thing of each kind at a time, on a pair of its own."""

    def __init__(self, server: LiveServer, pair: Pair, *, restarts: bool = False) -> None:
        """`restarts`: the application itself goes away, so that no answer at all is one too."""
        self.server, self.pair, self.restarts = server, pair, restarts
        self.seen: list[Seen] = []
        self.faults: list[str] = []
        self._sockets: list[ClientConnection] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = 0
        self.memory_mb: list[int] = []

    async def __aenter__(self) -> Witness:
        self._api = httpx.AsyncClient(
            base_url=self.server.base,
            headers={"Authorization": f"Bearer {self.pair.patient_token}"},
            timeout=PATIENCE,
        )
        if not self.restarts:
            chat, user = f"/ws/chat/{self.pair.chat_id}/", "/ws/notifications/"
            for path, token in (
                (chat, self.pair.therapist_token),
                (user + self.pair.therapist_id + "/", self.pair.therapist_token),
                (user + self.pair.patient_id + "/", self.pair.patient_token),
                (chat, self.pair.patient_token),
            ):
                self._sockets.append(await self._open(path, token))
        asks: list[Callable[[], Awaitable[None]]] = [
            lambda: self._get("live", "/health/live"),
            lambda: self._get("ready", "/health/ready"),
            lambda: self._get("read", f"/api/messages/?chat_id={self.pair.chat_id}"),
            self._send,
            self._measure,
        ]
        if not self.restarts:
            asks.append(self._send_on_socket)
        self._tasks = [asyncio.create_task(self._repeat(ask)) for ask in asks]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        for done in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(done, Exception):
                self.faults.append(f"the witness broke: {done!r}")
        for socket in self._sockets:
            try:
                await self._ask_on(socket, {"type": "ping"}, lambda frame: frame["type"] == "pong")
            except (WebSocketException, TimeoutError) as gone:
                self.faults.append(f"a socket did not stay: {gone!r}")
            await socket.close()
        await self._api.aclose()

    def verdict(self, *, damaged: bool = True) -> list[str]:
        """What was not as promised; empty where all was. `damaged`: the fault must have shown."""
        found = list(self.faults)
        for seen in self.seen:
            allowed = {200} if seen.what == "live" else {200, 201, 503}
            if self.restarts:
                allowed.add(0)
            if seen.status not in allowed:
                found.append(f"{seen.what} was answered {seen.status}")
            if seen.status == 503 and not seen.retry_after:
                found.append(f"{seen.what}: 503 without Retry-After")
            if seen.seconds > (HEALTH_SECONDS if seen.what == "live" else ANSWER_SECONDS):
                found.append(f"{seen.what} took {seen.seconds:.1f} s ({seen.status})")
        if damaged and not any(seen.status in (0, 503) for seen in self.seen):
            found.append("the fault was not felt by anybody")
        if not self.restarts and self.memory_mb[-1] - self.memory_mb[0] > GROWTH_MB:
            found.append(f"memory grew from {self.memory_mb[0]} to {self.memory_mb[-1]} MB")
        return found

    def well_after(self, moment: float) -> dict[str, float]:
        """kind of question -> when it was first answered well, not before `moment`."""
        first: dict[str, float] = {}
        for seen in self.seen:
            done = seen.at + seen.seconds
            if done > moment and seen.status in (200, 201):
                first.setdefault(seen.what, done)
        return first

    def tally(self) -> str:
        """For each kind: how often which status, and the slowest answer."""
        parts = []
        for what in KINDS:
            mine = [seen for seen in self.seen if seen.what == what]
            if mine:
                counts = dict(sorted(Counter(seen.status for seen in mine).items()))
                parts.append(f"{what} {counts} <= {max(s.seconds for s in mine):.1f} s")
        peak = f"memory {self.memory_mb[0]} to at most {max(self.memory_mb)} MB"
        return "; ".join([*parts, peak])

    # --- what it asks -------------------------------------------------------------------------

    async def _repeat(self, ask: Callable[[], Awaitable[None]]) -> None:
        while True:
            await ask()
            await asyncio.sleep(PACE)

    async def _get(self, what: str, path: str) -> None:
        await self._request(what, "GET", path)

    async def _send(self) -> None:
        self._numbers += 1
        key = f"witness-{self._numbers}"
        body = {"chat_id": self.pair.chat_id, "text": key, "client_message_id": key}
        await self._request("send", "POST", "/api/messages/send_message/", body)

    async def _request(
        self, what: str, method: str, path: str, body: dict[str, str] | None = None
    ) -> None:
        began, status, retry_after = now(), 0, False
        with suppress(httpx.TransportError):
            answer = await self._api.request(method, path, json=body)
            status, retry_after = answer.status_code, "retry-after" in answer.headers
        self.seen.append(Seen(what, began, now() - began, status, retry_after))

    async def _send_on_socket(self) -> None:
        self._numbers += 1
        key = f"witness-{self._numbers}"
        began = now()
        asked = {"type": "chat_message", "text": key, "client_message_id": key, "ref": key}
        frame = await self._ask_on(self._sockets[-1], asked, lambda said: said.get("ref") == key)
        refused = frame["type"] == "error"
        status = 201
        if refused:
            status = 503 if frame["code"] in ("unavailable", "overloaded") else 500
        self.seen.append(Seen("socket", began, now() - began, status, "retry_after" in frame))

    async def _measure(self) -> None:
        process = self.server.process
        with suppress(OSError, AttributeError):
            text = Path(f"/proc/{process.pid}/status").read_text()  # type: ignore[union-attr]
            # A process that was just killed has a status still, and no memory in it.
            if "VmRSS:" in text:
                self.memory_mb.append(int(text.split("VmRSS:")[1].split()[0]) // 1024)

    # --- its sockets --------------------------------------------------------------------------

    async def _open(self, path: str, token: str) -> ClientConnection:
        return await connect(
            self.server.ws + path, additional_headers={"Authorization": f"Bearer {token}"},
            compression=None, ping_interval=None, proxy=None, max_queue=4096, open_timeout=60,
        )  # fmt: skip

    async def _ask_on(
        self, socket: ClientConnection, asked: dict[str, Any], wanted: Callable[[Any], bool]
    ) -> dict[str, Any]:
        """The frame that answers; those before it are passed over."""
        await socket.send(json.dumps(asked))
        async with asyncio.timeout(PATIENCE):
            while True:
                frame: dict[str, Any] = json.loads(await socket.recv())
                if wanted(frame):
                    return frame
