"""Who is logged in: password, second factor, refresh with rotation, log-out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from random import SystemRandom
from typing import Any, Final

import httpx
import msgspec

from therapyconnect_client.answers import api_error, body_of
from therapyconnect_client.backoff import pause
from therapyconnect_client.errors import (
    LoggedOut,
    NotAuthenticated,
    SecondFactorRequired,
    Throttled,
    Unavailable,
    Unreachable,
)
from therapyconnect_client.tokens import Access, Tokens, claims_of

AUTH: Final = "/_allauth/app/v1/"
TRIES: Final = 4
"""Of a refresh whose answer did not come. The old token is good for 30 s more, and not longer:"""
REFRESH_SECONDS: Final = 6.0
PAUSE_SECONDS: Final = 3.0
"""so that the last try begins within them, each lasts so long, and the pause before it."""

OnTokens = Callable[[Tokens | None], None]


class Session:
    """The tokens of one log-in. `on_tokens` is called with each new pair, None at the end."""

    def __init__(
        self, http: httpx.AsyncClient, *, tokens: Tokens | None, on_tokens: OnTokens | None
    ) -> None:
        self._http = http
        self._on_tokens = on_tokens
        self._refresh_token = tokens.refresh if tokens else None
        self._access = Access(tokens.access, fresh=False) if tokens else None
        self._refreshing: asyncio.Task[Access] | None = None
        self._dice = SystemRandom()

    @property
    def user_id(self) -> str:
        """Whose session it is; `LoggedOut` where there is none."""
        if self._access is None:
            raise LoggedOut
        return self._access.user_id

    @property
    def open(self) -> bool:
        return self._access is not None

    async def log_in(self, email: str, password: str) -> None:
        """Log in; `SecondFactorRequired` where a code is asked for, too."""
        answer = await self._post("auth/login", {"email": email, "password": password})
        meta = body_of(answer).get("meta") or {}
        if answer.status_code == 401 and meta.get("session_token"):
            raise SecondFactorRequired(meta["session_token"])
        self._begin(answer, meta)

    async def second_factor(self, pending: str, code: str) -> None:
        """Finish a log-in with a code of the authenticator app, or a recovery code."""
        headers = {"X-Session-Token": pending}
        answer = await self._post("auth/2fa/authenticate", {"code": code}, headers)
        self._begin(answer, body_of(answer).get("meta") or {})

    async def access(self) -> Access:
        """A token that is good for a while: renewed where its end is near."""
        if self._access is None:
            raise LoggedOut
        return self._access if self._access.seconds_left > 0 else await self.renew(self._access)

    async def renew(self, stale: Access) -> Access:
        """A token other than `stale`. One refresh at a time, however many ask for it.

        It runs on where its asker gives up: its answer is the only copy of the next refresh token.
        """
        if self._access is None:
            raise LoggedOut
        if self._access is not stale:
            return self._access
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(self._refreshed)
        return await asyncio.shield(self._refreshing)

    async def log_out(self) -> None:
        """End the session here and on the server; `Unavailable`, `Throttled`: perhaps only here."""
        if self._access is None:
            return
        try:
            access, refresh_token = await self.access(), self._refresh_token
        except LoggedOut:
            return
        finally:
            self.end()
        tokens = Tokens(access.token, refresh_token or "")
        with suppress(LoggedOut):
            for _ in range(2):
                await self._end_there(tokens.access)
                # The answer is 401 whether it ended now or the token was too old: the refresh
                # token knows.
                tokens = await self._exchange(tokens.refresh)

    async def settle(self) -> None:
        """Wait for a refresh that is under way."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])

    async def _refresh(self) -> Access:
        token = self._refresh_token
        for attempt in range(TRIES):
            try:
                tokens = await self._exchange(token)
                break
            except LoggedOut:
                if self._refresh_token == token:
                    self.end()
                raise
            except Unavailable as error:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(
                    min(PAUSE_SECONDS, pause(attempt, self._dice, retry_after=error.retry_after))
                )
        if self._refresh_token != token:
            raise LoggedOut  # logged out meanwhile
        return self._take(tokens)

    async def _exchange(self, refresh_token: str | None) -> Tokens:
        """The next pair. `LoggedOut` is our server's word alone; nothing else ends a session."""
        try:
            async with asyncio.timeout(REFRESH_SECONDS):
                answer = await self._post("tokens/refresh", {"refresh_token": refresh_token})
        except TimeoutError:
            raise Unreachable from None
        if answer.status_code == 200:
            return _tokens_in(body_of(answer).get("data"))
        error = api_error(answer)
        if isinstance(error, Throttled | Unavailable):
            raise error
        if error.status in (400, 401, 410):
            raise LoggedOut
        raise Unavailable(code=error.code, status=error.status, request_id=error.request_id)

    async def _end_there(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self._http.delete(f"{AUTH}auth/session", headers=headers)
        except httpx.TransportError:
            raise Unreachable from None
        # 401 is allauth's word for "nobody is logged in now".
        if answer.status_code not in (200, 401, 410):
            raise api_error(answer)

    def _refreshed(self, task: asyncio.Task[Access]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # whoever asked was told; nobody may be left who did

    def end(self) -> None:
        """The server knows the session no more."""
        if self._access is not None:
            self._access = self._refresh_token = None
            self._keep(None)

    def _begin(self, answer: httpx.Response, meta: dict[str, Any]) -> None:
        if answer.status_code == 200:
            self._take(_tokens_in(meta))
            return
        error = api_error(answer)
        if error.status in (400, 401) and not isinstance(error, Unavailable):
            raise NotAuthenticated(code=error.code, status=error.status, attr=error.attr)
        raise error

    def _take(self, tokens: Tokens) -> Access:
        self._access = Access(tokens.access, fresh=True)
        self._refresh_token = tokens.refresh
        self._keep(tokens)
        return self._access

    def _keep(self, tokens: Tokens | None) -> None:
        if self._on_tokens is not None:
            self._on_tokens(tokens)

    async def _post(
        self, route: str, body: dict[str, Any], headers: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return await self._http.post(
                AUTH + route,
                content=msgspec.json.encode(body),
                headers={"Content-Type": "application/json", **(headers or {})},
            )
        except httpx.TransportError:
            raise Unreachable from None


def _tokens_in(found: Any) -> Tokens:
    """Those of an answer; `Unavailable` where something else than our server gave it."""
    try:
        tokens = Tokens(found["access_token"], found["refresh_token"])
        claims_of(tokens.access)
    except (AttributeError, LookupError, TypeError, ValueError):
        raise Unavailable(code="unreadable_answer", status=200) from None
    return tokens
