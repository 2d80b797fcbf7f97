"""Django behind ASGI: a request goes through its middleware and its view in one go, in one thread.

Django's own handler runs each middleware as its kind wants it, on the loop or in the thread. All
of ours and all views are plain functions, some of what lies between can do either: a request then
changed sides a dozen times, which cost more than most of the reads that it asked for.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ThreadHandler(ASGIHandler):
    """Nothing that waits for the loop may be a middleware or a view: it would hold its thread."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)
