"""REST: one request, one typed answer or one typed error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx
import msgspec

from therapyconnect_client.answers import api_error
from therapyconnect_client.errors import LoggedOut, Unavailable, Unreachable
from therapyconnect_client.session import Session
from therapyconnect_client.shapes import Page

T = TypeVar("T")
Params = Mapping[str, str | int | bool | None]


class Api:
    """Requests below `/api/` for whoever is logged in.

    A token that the server takes no more is renewed, and the request made once again.
    """

    def __init__(self, http: httpx.AsyncClient, session: Session) -> None:
        self._http = http
        self.session = session

    async def get(self, path: str, type: type[T], params: Params | None = None) -> T:
        return self._read(await self.request("GET", path, params=params), type)

    async def post(self, path: str, type: type[T], body: Mapping[str, Any] | None = None) -> T:
        return self._read(await self.request("POST", path, body=body or {}), type)

    async def patch(self, path: str, type: type[T], body: Mapping[str, Any]) -> T:
        return self._read(await self.request("PATCH", path, body=body), type)

    async def pages(
        self,
        path: str,
        item: type[T],
        params: Params | None = None,
        *,
        body: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[T]:
        """Everything in a list, page by page as it is asked for."""
        method = "GET" if body is None else "POST"
        query: str | None = str(httpx.QueryParams(_given(params)))
        while query is not None:
            target = f"{path}?{query}" if query else path
            answer = await self.request(method, target, body=body)
            page = self._read(answer, Page[item])  # type: ignore[valid-type]
            for found in page.results:
                yield found
            query = httpx.URL(page.next).query.decode() if page.next else None

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """The answer, of 2xx; everything else is raised."""
        options: dict[str, Any] = {}
        if params:
            options["params"] = _given(params)
        if body is not None:
            options["content"] = msgspec.json.encode(body)
            options["headers"] = {"Content-Type": "application/json"}
        async with self.stream(method, path, **options) as answer:
            await _read_all(answer)
            return answer

    @asynccontextmanager
    async def stream(self, method: str, path: str, **options: Any) -> AsyncIterator[httpx.Response]:
        """The answer, of 2xx, its body still to be read."""
        access = await self.session.access()
        answer = await self._send(method, path, access.token, options)
        if answer.status_code == 401:
            # Ended on the server's clock; or the session has been, and then renewing says so.
            await answer.aclose()
            access = await self.session.renew(access)
            answer = await self._send(method, path, access.token, options)
        try:
            if not answer.is_success:
                await _read_all(answer)
                if answer.status_code == 401:
                    self.session.end()
                    raise LoggedOut
                raise api_error(answer)
            yield answer
        finally:
            await answer.aclose()

    async def _send(
        self, method: str, path: str, token: str, options: dict[str, Any]
    ) -> httpx.Response:
        headers = {**options.get("headers", {}), "Authorization": f"Bearer {token}"}
        request = self._http.build_request(
            method, f"/api/{path}", **{**options, "headers": headers}
        )
        try:
            return await self._http.send(request, stream=True)
        except httpx.TransportError:
            raise Unreachable from None

    def _read(self, answer: httpx.Response, type: type[T]) -> T:
        try:
            return msgspec.json.decode(answer.content, type=type)
        except msgspec.DecodeError:
            # Its words may be somebody's: none of them goes into the error.
            raise Unavailable(code="unreadable_answer", status=answer.status_code) from None


async def _read_all(answer: httpx.Response) -> None:
    try:
        await answer.aread()
    except httpx.TransportError:
        raise Unreachable from None


def _given(params: Params | None) -> dict[str, str | int]:
    """Those that are set; a yes or no as the server writes it."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in (params or {}).items()
        if value is not None
    }
