"""Django behind ASGI: a request goes through its middleware and its view in one go, in one thread.

Django's own handler runs each middleware as its kind wants it, on the loop or in the thread. All
of ours and all views are plain functions, some of what lies between can do either: a request then
changed sides a dozen times, which cost more than most of the reads that it asked for. It also
starts a thread for each request, and goes to it once more for each signal; ours are kept, and what
a request opened in its thread is closed there before its answer leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import IO, Any, Final

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import set_script_prefix

from therapyconnect.core.connections import let_go

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MAX_THREADS: Final = 288
"""More than requests are let in at once, by those that are always let in: health is asked often."""


class ThreadHandler(ASGIHandler):
    """Nothing that waits for the loop may be a middleware or a view: it would hold its thread."""

    def __init__(self) -> None:
        super().__init__()
        self._threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="request")

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        loop, context = asyncio.get_running_loop(), copy_context()
        response = await loop.run_in_executor(
            self._threads, context.run, self._respond, scope, body
        )
        if not response.streaming:
            await _send_whole(response, send)
            return
        try:
            await self._send_stream(response, receive, send)
        finally:
            await loop.run_in_executor(self._threads, context.run, _close, response, body)

    def _respond(self, scope: Any, body: IO[bytes]) -> Any:
        """In a thread: all of a request. Only a stream and what it reads from are left open."""
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        try:
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else self.get_response(request)
        except BaseException:
            signals.request_finished.send(sender=self.__class__)
            body.close()
            raise
        response._handler_class = self.__class__  # its end is told as this handler's
        if response.streaming:
            # Its end comes to whichever thread is free, and this one may not be asked again soon:
            # the connection would be missed by others.
            let_go()
        else:
            _close(response, body)
        return response

    async def _send_stream(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Until it ends, or nobody listens any more."""
        gone = asyncio.create_task(self.listen_for_disconnect(receive))
        sending = asyncio.create_task(_send_parts(response, send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            with contextlib.suppress(asyncio.CancelledError):
                await sending


def _close(response: HttpResponseBase, body: IO[bytes]) -> None:
    response.close()
    body.close()


async def _send_whole(response: HttpResponse, send: Send) -> None:
    await send(_start(response))
    await send({"type": "http.response.body", "body": response.content})


async def _send_parts(response: Any, send: Send) -> None:
    await send(_start(response))
    async with contextlib.aclosing(aiter(response)) as parts:
        async for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


def _start(response: HttpResponseBase) -> dict[str, Any]:
    headers = [(k.encode("ascii"), v.encode("latin-1")) for k, v in response.items()]
    cookies = [c.output(header="").strip().encode("ascii") for c in response.cookies.values()]
    headers += [(b"Set-Cookie", cookie) for cookie in cookies]
    return {"type": "http.response.start", "status": response.status_code, "headers": headers}
