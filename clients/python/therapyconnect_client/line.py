"""The user's one socket: opened again whenever it ends, for as long as there is a session."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from therapyconnect_client.answers import error_in
from therapyconnect_client.backoff import pause
from therapyconnect_client.errors import LoggedOut, Throttled, Unavailable
from therapyconnect_client.feed import Broken
from therapyconnect_client.session import Session
from therapyconnect_client.talk import Talk
from therapyconnect_client.tokens import Access

log = logging.getLogger("therapyconnect_client")

quiet = logging.getLogger("therapyconnect_client.websockets")
"""Of what the sockets' library says. At DEBUG it would write down the token and the texts."""
quiet.setLevel(logging.INFO)

OPEN_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0
GOING_AWAY: Final = 1001
FLOOD: Final = 1008
TOO_LARGE: Final = 1009
TOKEN_ENDED: Final = 4401
SLOW_DOWN_SECONDS: Final = 10.0
NUDGED_SECONDS: Final = (0.5, 1.5)
"""The least pause of a line that heard that the server is there."""

NewTalk = Callable[[ClientConnection], Talk]


class Line:
    """Opens sockets one after the other; what is said on one is a `Talk`."""

    def __init__(
        self,
        url: str,
        session: Session,
        *,
        tls: ssl.SSLContext | None,
        dice: Random,
        new_talk: NewTalk,
        on_end: Callable[[int], None],
    ) -> None:
        self._url = url
        self._session = session
        self._tls = tls
        self._dice = dice
        self._new_talk = new_talk
        self._on_end = on_end
        self._failures = 0
        self._renewed: Access | None = None
        self._talk: Talk | None = None
        self._nudged = asyncio.Event()

    @property
    def talk(self) -> Talk | None:
        """What is being said now; None while there is no socket."""
        return self._talk

    async def run(self) -> None:
        """Until cancelled. `LoggedOut`, and what no new try would change, is raised."""
        while True:
            retry_after: float | None = None
            access: Access | None = None
            try:
                access = await self._session.access()
                retry_after = await self._once(access)
            except InvalidStatus as error:
                retry_after = await self._turned_away(error, access)
            except (Throttled, Unavailable) as error:
                retry_after = error.retry_after
                self._failures += 1
            except (OSError, TimeoutError, WebSocketException) as error:
                log.info("no socket: %s", type(error).__name__)
                self._failures += 1
            if retry_after is not None or self._failures:
                wait = pause(max(0, self._failures - 1), self._dice, retry_after=retry_after)
                await self._wait(wait, asked=retry_after is not None)

    def nudge(self) -> None:
        """The server has answered something else: it is there, so a long pause is for nothing."""
        self._nudged.set()

    async def _wait(self, seconds: float, *, asked: bool) -> None:
        """A pause; one that the server did not ask for may end early, but never at once."""
        self._nudged.clear()
        least = seconds if asked else min(seconds, self._dice.uniform(*NUDGED_SECONDS))
        await asyncio.sleep(least)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), seconds - least)

    async def _once(self, access: Access) -> float | None:
        """One socket, from its opening to its end; seconds to wait, where its end asks for it."""
        socket = await connect(
            self._url,
            additional_headers={"Authorization": f"Bearer {access.token}"},
            compression=None,
            ping_interval=None,
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ssl=self._tls,
            logger=quiet,
        )
        self._talk = self._new_talk(socket)
        self._renewed = None
        try:
            await self._hold(self._talk, access)
        except Broken as error:
            log.error("the server broke the protocol: %s", error)
        finally:
            talk, self._talk = self._talk, None
            if talk.caught_up:
                self._failures = 0
            with suppress(OSError, WebSocketException):
                await socket.close()
            self._on_end(socket.close_code or 0)
        self._failures += 1
        return await self._after(socket.close_code, access)

    async def _after(self, code: int | None, access: Access) -> float | None:
        if code == TOKEN_ENDED:
            await self._session.renew(access)
        elif code == GOING_AWAY:
            # Everybody else was told the same at the same moment.
            self._failures = max(self._failures, 3)
        elif code in (FLOOD, TOO_LARGE):
            return SLOW_DOWN_SECONDS
        return None

    async def _hold(self, talk: Talk, access: Access) -> None:
        """All that goes on on one socket, until the first part of it ends."""
        parts = [asyncio.create_task(part) for part in (talk.listen(), talk.watch(),
                                                        talk.ask(), talk.tell(),
                                                        self._renew(talk, access))]  # fmt: skip
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in done:
            error = part.exception()
            if error is not None and not isinstance(error, ConnectionClosed):
                raise error

    async def _renew(self, talk: Talk, access: Access) -> None:
        """A fresh token before the socket's own ends."""
        failures = 0
        while True:
            await asyncio.sleep(max(0.0, access.seconds_left))
            try:
                access = await self._session.renew(access)
            except (Throttled, Unavailable) as error:
                await asyncio.sleep(pause(failures, self._dice, retry_after=error.retry_after))
                failures += 1
            else:
                failures = 0
                await talk.say(type="authenticate", token=access.token, ref="authenticate")

    async def _turned_away(self, refused: InvalidStatus, access: Access | None) -> float | None:
        answer = refused.response
        error = error_in(answer.status_code, answer.headers, answer.body or b"")
        self._failures += 1
        if error.status == 401 and access is not None:
            if access is self._renewed:
                self._session.end()
                raise LoggedOut
            try:
                self._renewed = await self._session.renew(access)
            except (Throttled, Unavailable) as later:
                # It is still the token that was refused before: this says nothing new.
                return later.retry_after
        elif not isinstance(error, Throttled | Unavailable):
            raise error
        return error.retry_after
