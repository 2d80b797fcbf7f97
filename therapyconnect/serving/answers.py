"""Answers given below the application, in the shape of all the project's errors."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

Header = tuple[bytes, bytes]
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request goes no further. Details are fixed texts: nothing received is echoed."""

    status: int
    code: str
    detail: str
    headers: tuple[Header, ...] = ()

    def answer(
        self, default_headers: Iterable[Header] = (), beside: Mapping[str, Any] = NOTHING
    ) -> bytes:
        """The whole HTTP response, which also announces that the connection closes.

        `beside`: further fields of the body.
        """
        kind = "server_error" if self.status >= 500 else "client_error"
        error = {"code": self.code, "detail": self.detail, "attr": None}
        request_id = uuid.uuid4().hex
        said = {**beside, "type": kind, "errors": [error], "request_id": request_id}
        body = json.dumps(said).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"x-request-id", request_id.encode()),
            (b"connection", b"close"),
            *self.headers,
        ]
        return response(self.status, [*default_headers, *headers], body)


BAD_REQUEST = Refusal(400, "bad_request", "The request is not valid HTTP.")
BAD_HANDSHAKE = Refusal(400, "bad_request", "The WebSocket handshake is not valid.")
UNSUPPORTED_VERSION = Refusal(
    426,
    "upgrade_required",
    "Only version 13 of WebSocket is spoken.",
    ((b"sec-websocket-version", b"13"),),
)
FORBIDDEN = Refusal(403, "permission_denied", "The WebSocket was refused.")
REQUEST_TIMEOUT = Refusal(408, "request_timeout", "The request did not arrive in time.")
PAYLOAD_TOO_LARGE = Refusal(413, "payload_too_large", "The request body is too large.")
HEADERS_TOO_LARGE = Refusal(
    431, "request_header_fields_too_large", "The request head is larger than 16 KiB."
)
SERVER_ERROR = Refusal(500, "error", "A server error occurred.")
OVERLOADED = Refusal(
    503, "overloaded", "Too much is under way: try again.", ((b"retry-after", b"1"),)
)
GOING_AWAY = Refusal(
    503, "service_unavailable", "The server is going away.", ((b"retry-after", b"1"),)
)


def response(status: int, headers: Sequence[Header], body: bytes) -> bytes:
    """A response with a body of known length. `ValueError` where a header would break out of its
    line.
    """
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}".encode("ascii")]
    for name, value in headers:
        if b"\r" in name + value or b"\n" in name + value:
            raise ValueError("line break in a response header")
        if name.lower() != b"content-length":
            lines.append(name + b": " + value)
    lines.append(b"content-length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
