"""The ASGI application in front: answers for the web client's files, hands on all else.

It answers on the loop, from memory: a page that loads takes no thread and no connection from those
who send messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from therapyconnect.web.build import Build, Held
from therapyconnect.web.negotiation import best_coding, has_it
from therapyconnect.web.waiting import waiting_page

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Handler = Callable[[Any, Receive, Send], Awaitable[None]]


class WebClient:
    """`headers` go with every file. `told` is the last line of who builds the client, if anyone
    does. With `https_only` an unsafe request is left to `behind`, which redirects it."""

    def __init__(
        self,
        build: Build,
        behind: Handler,
        *,
        headers: Mapping[str, str],
        told: Callable[[], str],
        https_only: bool,
    ) -> None:
        self._build = build
        self._behind = behind
        self._headers = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        self._told = told
        self._https_only = https_only

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        held = self._file(scope)
        if held is None:
            await self._behind(scope, receive, send)
        else:
            await self._answer(held, scope, send)

    def _file(self, scope: Any) -> Held | None:
        if scope["method"] not in ("GET", "HEAD") or (
            self._https_only and scope["scheme"] != "https"
        ):
            return None
        held = self._build.file(scope["path"])
        if held is None and scope["path"] == "/":
            return waiting_page(self._told())
        return held

    async def _answer(self, held: Held, scope: Any, send: Send) -> None:
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        coding = best_coding(asked.get(b"accept-encoding", ""), held.bodies)
        body = held.bodies[coding]
        headers = [
            (b"cache-control", held.cache_control.encode()),
            (b"etag", held.etags[coding].encode()),
            (b"vary", b"accept-encoding"),
            *self._headers,
        ]
        status = 304 if has_it(asked.get(b"if-none-match", ""), held.etags[coding]) else 200
        if status == 200:
            headers += [
                (b"content-type", held.content_type.encode()),
                (b"content-length", b"%d" % len(body)),
            ]
            if coding != "identity":
                headers.append((b"content-encoding", coding.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        nothing = status == 304 or scope["method"] == "HEAD"
        await send({"type": "http.response.body", "body": b"" if nothing else body})
