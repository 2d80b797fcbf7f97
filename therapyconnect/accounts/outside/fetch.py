"""One GET of a key set: bounded in time and size, no redirects, no proxy, no cookies.

A redirect could lead from `https` to anywhere, so the configured address must be the true one.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from typing import Final
from urllib.parse import urlsplit

TIMEOUT_SECONDS: Final = 3.0
MAX_BYTES: Final = 256 * 1024


class FetchFailed(Exception):
    """The provider gave no key set; the text says why, for the operator's log."""


def fetch(url: str) -> bytes:
    """The body behind `url`, or `FetchFailed` after at most `TIMEOUT_SECONDS` on the line."""
    end = time.monotonic() + TIMEOUT_SECONDS
    connection = _connection(url)
    try:
        connection.connect()
        line = connection.sock
        # Time limits of a socket hold for each read; a body that drips must end, too.
        cutter = threading.Timer(max(0.0, end - time.monotonic()), _cut, [line])
        cutter.daemon = True
        cutter.start()
        try:
            return _read(connection, url, end)
        finally:
            cutter.cancel()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchFailed(type(error).__name__) from None
    finally:
        connection.close()


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    if parts.scheme == "https":
        return http.client.HTTPSConnection(
            parts.hostname,
            parts.port,
            timeout=TIMEOUT_SECONDS,
            context=ssl.create_default_context(),
        )
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)


def _read(connection: http.client.HTTPConnection, url: str, end: float) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
    response = connection.getresponse()
    if response.status != 200:
        raise FetchFailed(f"status {response.status}")
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise FetchFailed("too large")
    if time.monotonic() > end:
        raise FetchFailed("too slow")
    return body


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
