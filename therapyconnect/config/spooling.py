"""Django's handler, with a place of our own for bodies, and a look at who sends a large one.

Django spools a body to the machine's folder of temporary files; ours go to unnamed files of the
data folder, so that a file in clear is nowhere else, and none is left by who is killed.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, Final

from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIRequest
from django.http.response import HttpResponseBase

from therapyconnect.config.handler import ThreadHandler

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Known = Callable[[str | None], Awaitable[bool]]
"""Whether an `Authorization` header is that of somebody."""

IN_MEMORY_BYTES: Final = 256 * 1024


class SpoolingHandler(ThreadHandler):
    """`known` is asked before the body of a POST to one of `large` is read; who is nobody gets the
    answer at once, and what they send is thrown away."""

    def __init__(self, folder: Path, *, known: Known, large: frozenset[str]) -> None:
        super().__init__()
        self._folder = folder
        self._known = known
        self._large = large

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST" and scope["path"] in self._large:
            tokens = [v.decode("latin-1") for k, v in scope["headers"] if k == b"authorization"]
            if not await self._known(tokens[0] if len(tokens) == 1 else None):
                receive = _Nothing()
        await super().handle(scope, receive, send)

    def create_request(
        self, scope: Any, body_file: IO[bytes]
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        """Django's request, of which the length of the body and its type are sound.

        To Django a body without a length (sent in chunks) is empty, and a parameter of its type in
        an unknown character set is no client's mistake, but a failure.
        """
        scope = _with_length(scope, body_file)
        try:
            return super().create_request(scope, body_file)
        except ValueError:  # the type can't be read: what is to be read of it says 415
            return super().create_request(_without(b"content-type", scope), body_file)

    async def read_body(self, receive: Receive) -> IO[bytes]:
        body: Any = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, dir=str(self._folder))  # noqa: SIM115
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                body.write(message.get("body", b""))
                if not message.get("more_body", False):
                    body.seek(0)
                    return body  # type: ignore[no-any-return]
        except BaseException:
            body.close()
            raise


def _with_length(scope: Any, body: IO[bytes]) -> Any:
    """The scope, its body's length told where the client did not."""
    if any(name == b"content-length" for name, _ in scope["headers"]):
        return scope
    length = body.seek(0, os.SEEK_END)
    body.seek(0)
    if not length:
        return scope
    return {**scope, "headers": [*scope["headers"], (b"content-length", b"%d" % length)]}


def _without(name: bytes, scope: Any) -> Any:
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != name]}


class _Nothing:
    """A request without a body, whose client stays until it is answered."""

    def __init__(self) -> None:
        self._asked = False

    async def __call__(self) -> Any:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}
