"""Files to send: small ones that are what they say, made here."""

from __future__ import annotations

import random
import struct
import zlib
from typing import Any

import httpx

from tests.inspection.pdfs import pdf

PDF = pdf()


def png(width: int = 8, height: int = 8, *, seed: int = 0) -> bytes:
    """A picture of noise."""
    noise = random.Random(seed)
    lines = b"".join(b"\x00" + noise.randbytes(3 * width) for _ in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack("!I", zlib.crc32(kind + data))
        return struct.pack("!I", len(data)) + kind + data + checksum

    head = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    )


def text_of(size: int, *, seed: int = 0) -> bytes:
    """Lines of plain text, `size` bytes of them."""
    noise = random.Random(seed)
    line = "".join(noise.choices("abcdefghijklmnopqrstuvwxyz ", k=4093)).encode() + b"\n"
    return (line * (size // len(line) + 1))[:size]


def upload(
    api: httpx.Client,
    chat_id: str,
    content: bytes = b"plain words\n",
    *,
    name: str = "notes.txt",
    kind: str = "text/plain",
) -> httpx.Response:
    return api.post(
        "attachments/", data={"chat_id": chat_id}, files={"file": (name, content, kind)}
    )


def uploaded(api: httpx.Client, chat_id: str, *args: Any, **how: Any) -> dict[str, Any]:
    """An upload that is taken; what it was answered with."""
    answer = upload(api, chat_id, *args, **how)
    assert answer.status_code == 201, (answer.status_code, answer.text)
    found: dict[str, Any] = answer.json()
    return found
