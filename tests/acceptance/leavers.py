"""A leaver: logs in, listens, logs out, and then should get nothing more."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Literal

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.acceptance.clients import Run, person
from tests.acceptance.finals import TLS
from tests.acceptance.people import LOGIN, login_of
from tests.acceptance.records import Revoking, now
from tests.harness.server import Pair

SESSION = "/_allauth/app/v1/auth/session"
LOGIN_SECONDS = 30.0
"""A password takes its time to check, and more on a busy machine."""
MARGIN_SECONDS = 1.0
"""So much longer than promised a socket is watched."""


class Leaver:
    """One person's further device, with a session of its own, again and again."""

    def __init__(
        self,
        run: Run,
        name: str,
        pair: Pair,
        side: str,
        kind: Literal["chat", "user"],
        *,
        pause: float,
    ) -> None:
        self.run, self.name, self.pair, self.login = run, name, pair, login_of(pair, side)
        self.pause = pause
        self.user_id = person(pair, side)[0]
        self.dice = run.random(name)
        path = (
            f"/ws/chat/{pair.chat_id}/" if kind == "chat" else f"/ws/notifications/{self.user_id}/"
        )
        self._url = run.base.replace("http", "ws", 1) + path

    async def live(self) -> None:
        """One session after another until the run stops; the last is watched to its end."""
        async with httpx.AsyncClient(
            base_url=self.run.base, timeout=LOGIN_SECONDS, verify=TLS
        ) as api:
            while not self.run.stop.is_set():
                with contextlib.suppress(
                    OSError, WebSocketException, TimeoutError, EOFError, httpx.TransportError
                ):
                    await self._one_session(api)
                await self._unless_stopped(self.pause * self.dice.uniform(0.5, 1.5))

    async def _one_session(self, api: httpx.AsyncClient) -> None:
        answer = await api.post(LOGIN, json=self.login._asdict())
        if answer.status_code != 200:
            if answer.status_code not in (429, 503):
                self.run.broke(f"a log-in was refused: {answer.status_code}")
            return await self._unless_stopped(2.0)
        headers = {"Authorization": f"Bearer {answer.json()['meta']['access_token']}"}
        try:
            socket = await connect(
                self._url, additional_headers=headers, compression=None, open_timeout=8,
                close_timeout=0.2, ping_interval=None, proxy=None, max_queue=4096,
            )  # fmt: skip
        except InvalidStatus as refused:
            if refused.response.status_code not in (429, 503):
                self.run.broke(f"a socket was refused: {refused.response.status_code}")
            return None
        revoking = Revoking(self.user_id, self.name, self.run.revoked_seconds)
        hearing = asyncio.create_task(self._hear(socket, revoking))
        try:
            await self._unless_stopped(self.dice.uniform(0.2, 1.5))
            await self._log_out(api, headers, revoking)
            if revoking.acked is not None:
                self.run.history.revokings.append(revoking)
                await self._knock(api, headers, revoking)
                await asyncio.wait({hearing}, timeout=self._left(revoking))
            if not hearing.done():
                revoking.given_up = now()
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
            await socket.close()
        return None

    async def _log_out(
        self, api: httpx.AsyncClient, headers: dict[str, str], revoking: Revoking
    ) -> None:
        """Until it is answered: 401 is how a log-out is told, the first time and any other."""
        for _ in range(20):
            with contextlib.suppress(httpx.TransportError):
                answer = await api.delete(SESSION, headers=headers)
                if answer.status_code == 401:
                    revoking.acked = now()
                    return
                if answer.status_code not in (429, 503):
                    self.run.broke(f"a log-out was answered {answer.status_code}")
                    return
            await asyncio.sleep(self.dice.uniform(0.1, 0.5))

    async def _knock(
        self, api: httpx.AsyncClient, headers: dict[str, str], revoking: Revoking
    ) -> None:
        """Ask with the old token, over REST and at the door."""
        for path in ("chats/", f"messages/?chat_id={self.pair.chat_id}", "me/"):
            with contextlib.suppress(httpx.TransportError):
                answer = await api.get(f"/api/{path}", headers=headers)
                revoking.statuses.append(answer.status_code)
        with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
            try:
                async with connect(
                    self._url, additional_headers=headers, compression=None, open_timeout=8,
                    close_timeout=0.2, proxy=None,
                ):  # fmt: skip
                    revoking.statuses.append(101)
            except InvalidStatus as refused:
                revoking.statuses.append(refused.response.status_code)

    async def _hear(self, socket: ClientConnection, revoking: Revoking) -> None:
        """Note when frames come, until the socket ends."""
        try:
            while True:
                await socket.recv()
                if revoking.acked is not None:
                    revoking.heard.append(now())
        except ConnectionClosed as ended:
            revoking.closed = now()
            revoking.code = ended.rcvd.code if ended.rcvd is not None else None

    def _left(self, revoking: Revoking) -> float:
        """How long to watch; a kill meanwhile ends the socket by itself."""
        assert revoking.acked is not None
        return max(0.0, revoking.acked + revoking.within + MARGIN_SECONDS - now())

    async def _unless_stopped(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.run.stop.wait(), seconds)
