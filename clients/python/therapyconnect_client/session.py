"""Who is logged in: password, second factor, refresh with rotation, log-out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
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
    Unavailable,
    Unreachable,
)
from therapyconnect_client.tokens import Access, Tokens

AUTH: Final = "/_allauth/app/v1/"
TRIES: Final = 4
"""Of a refresh whose answer did not come. The old token is good for 30 s more, and not longer."""

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
        """End the session here and on the server; `Unreachable`: only here."""
        if self._access is None:
            return
        try:
            # With a token that is good: to an old one the server says 401 as well.
            access = await self.access()
        except LoggedOut:
            return
        finally:
            self.end()
        headers = {"Authorization": f"Bearer {access.token}"}
        try:
            answer = await self._http.delete(f"{AUTH}auth/session", headers=headers)
        except httpx.TransportError:
            raise Unreachable from None
        # 401 is allauth's word for "nobody is logged in now".
        if answer.status_code not in (200, 401, 410):
            raise api_error(answer)

    async def settle(self) -> None:
        """Wait for a refresh that is under way."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])

    async def _refresh(self) -> Access:
        token = self._refresh_token
        for attempt in range(TRIES):
            try:
                answer = await self._post("tokens/refresh", {"refresh_token": token})
                if answer.status_code in (400, 401, 410):
                    self.end()
                    raise LoggedOut
                if answer.status_code != 200:
                    raise api_error(answer)
                break
            except Unavailable as error:
                if attempt == TRIES - 1:
                    raise
                await asyncio.sleep(
                    min(5, pause(attempt, self._dice, retry_after=error.retry_after))
                )
        data = body_of(answer)["data"]
        if self._refresh_token != token:
            raise LoggedOut  # logged out meanwhile
        return self._take(Tokens(data["access_token"], data["refresh_token"]))

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
        if answer.status_code in (400, 401):
            error = api_error(answer)
            raise NotAuthenticated(code=error.code, status=error.status, attr=error.attr)
        if answer.status_code != 200:
            raise api_error(answer)
        self._take(Tokens(meta["access_token"], meta["refresh_token"]))

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
