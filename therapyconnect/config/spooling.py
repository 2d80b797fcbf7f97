"""Django's handler, with a place of our own for bodies, and a look at who sends a large one.

Django spools a body to the machine's folder of temporary files; ours go to unnamed files of the
data folder, so that a file in clear is nowhere else, and none is left by who is killed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, Final

from django.core.exceptions import RequestAborted

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


class _Nothing:
    """A request without a body, whose client stays until it is answered."""

    def __init__(self) -> None:
        self._asked = False

    async def __call__(self) -> Any:
        if self._asked:
            await asyncio.Event().wait()
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}
