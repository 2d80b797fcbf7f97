"""Files of a chat, streamed: never all of one in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

import httpx
import msgspec

from therapyconnect_client.api import Api
from therapyconnect_client.errors import Unavailable, Unreachable
from therapyconnect_client.shapes import Attachment

OnProgress = Callable[[int], None]


class Attachments:
    def __init__(self, api: Api) -> None:
        self._api = api

    async def upload(
        self,
        chat_id: str,
        file: IO[bytes],
        *,
        name: str,
        content_type: str = "application/octet-stream",
        on_progress: OnProgress | None = None,
    ) -> Attachment:
        """Send a file that can be read again from its start; then send a message with its id.

        `on_progress` hears how many bytes were read. Not retried: a lost answer leaves a file
        behind that no message names.
        """
        source = _Watched(file, on_progress)
        options = {
            "data": {"chat_id": chat_id},
            "files": {"file": (name, source, content_type)},
        }
        async with self._api.stream("POST", "attachments/", **options) as answer:
            try:
                return msgspec.json.decode(await _all(answer), type=Attachment)
            except msgspec.DecodeError:
                raise Unavailable(code="unreadable_answer", status=answer.status_code) from None

    async def status(self, attachment_id: str) -> Attachment:
        """Whether it may be had yet."""
        return await self._api.get(f"attachments/{attachment_id}/status/", Attachment)

    @asynccontextmanager
    async def open(
        self, attachment_id: str, *, thumbnail: bool = False
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Its bytes, piece by piece, or those of its small picture."""
        path = f"attachments/{attachment_id}/" + ("thumbnail/" if thumbnail else "")
        async with self._api.stream("GET", path) as answer:
            yield _pieces(answer)

    async def save(self, attachment_id: str, path: str | Path) -> int:
        """Write it to a new file, which is there once it is whole; how many bytes it has."""
        path, size = Path(path), 0
        if path.exists():
            raise FileExistsError(path)
        part = path.with_name(f"{path.name}.part")
        try:
            with open(part, "wb") as sink:
                async with self.open(attachment_id) as pieces:
                    async for piece in pieces:
                        size += sink.write(piece)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        return size


class _Watched:
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], on_progress: OnProgress | None) -> None:
        self._file = file
        self._on_progress = on_progress

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        if self._on_progress is not None:
            self._on_progress(self._file.tell())
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_bytes():
            yield piece
    except httpx.TransportError:
        raise Unreachable from None


async def _all(answer: httpx.Response) -> bytes:
    return b"".join([piece async for piece in _pieces(answer)])
