"""The opening handshake of RFC 6455, on a request head that the HTTP parser has already read.

Stock uvicorn writes the head out again for a second parser whose limits are lower (8 KiB a line,
128 headers) and whose refusal nobody answers; so there is no second parser here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any
from urllib.parse import unquote

import httptools

from therapyconnect.serving.answers import BAD_HANDSHAKE, UNSUPPORTED_VERSION, Header, Refusal

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def check(*, method: str, http_version: str, headers: list[Header]) -> Refusal | None:
    """Why this cannot become a WebSocket, or None. Names of headers are lower case."""
    if method != "GET" or http_version != "1.1":
        return BAD_HANDSHAKE
    if any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    ):
        return BAD_HANDSHAKE
    if values(headers, b"sec-websocket-version") != [b"13"]:
        return UNSUPPORTED_VERSION
    keys = values(headers, b"sec-websocket-key")
    try:
        if len(keys) != 1 or len(base64.b64decode(keys[0], validate=True)) != 16:
            return BAD_HANDSHAKE
    except binascii.Error:
        return BAD_HANDSHAKE
    return None


def values(headers: list[Header], wanted: bytes) -> list[bytes]:
    """All values of one header, in order."""
    return [value.strip() for name, value in headers if name == wanted]


def subprotocols(headers: list[Header]) -> list[str]:
    """What the client offers, in its order."""
    offered = b",".join(values(headers, b"sec-websocket-protocol")).decode("latin-1")
    return [token for part in offered.split(",") if (token := part.strip())]


def accept_value(key: bytes) -> bytes:
    """`Sec-WebSocket-Accept` for a key: RFC 6455, section 4.2.2."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def make_scope(
    http_scope: dict[str, Any], url: bytes, extensions: dict[str, Any]
) -> dict[str, Any] | None:
    """The ASGI scope of a socket from that of its HTTP request; None where the URL is not one."""
    try:
        parsed = httptools.parse_url(url)
        path = unquote(parsed.path.decode("ascii"))
    except (httptools.HttpParserError, UnicodeDecodeError, AttributeError):
        return None
    root_path: str = http_scope["root_path"]
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if http_scope["scheme"] == "https" else "ws",
        "server": http_scope["server"],
        "client": http_scope["client"],
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + parsed.path,
        "query_string": parsed.query or b"",
        "headers": http_scope["headers"],
        "subprotocols": subprotocols(http_scope["headers"]),
        "state": http_scope["state"],
        "extensions": extensions,
    }


def acceptance(*, key: bytes, subprotocol: str | None, headers: list[Header]) -> bytes:
    """The 101 that opens the socket. `ValueError` where a header would break out of its line."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"upgrade: websocket",
        b"connection: Upgrade",
        b"sec-websocket-accept: " + accept_value(key),
    ]
    if subprotocol:
        lines.append(b"sec-websocket-protocol: " + subprotocol.encode("ascii"))
    lines.extend(name + b": " + value for name, value in headers)
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise ValueError("line break in a response header")
    return b"\r\n".join(lines) + b"\r\n\r\n"
