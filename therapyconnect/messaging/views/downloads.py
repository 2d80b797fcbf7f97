"""The bytes of a file: opened, decrypted and sent chunk by chunk, whole or in part.

Nothing is sent that did not open. What is wrong from the beginning is a 503 and an alarm; what is
found out on the way ends the transfer short of its length.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack
from typing import Final

import structlog
from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from therapyconnect.attachments import objects
from therapyconnect.attachments.seals import Part
from therapyconnect.attachments.storage import ObjectMissing, StoreDown
from therapyconnect.core.errors import NotFound, RangeNotSatisfiable, Unavailable
from therapyconnect.messaging.selectors.attachments import Found
from therapyconnect.vault.errors import VaultError

log = structlog.get_logger("therapyconnect.messaging.downloads")

_HEADERS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
THUMBNAIL_TYPE: Final = "image/jpeg"
_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*")


def download(found: Found, part: Part, headers: Mapping[str, str]) -> StreamingHttpResponse:
    """The answer with the part's bytes, or with the range of them that was asked for."""
    stored = found.stored
    known = stored.object_of(part)
    if known is None:
        raise NotFound()
    _, size = known
    wanted = _range(headers, size, tag := f'"{stored.key}.{part}"')
    start, stop = wanted or (0, size)
    body = _Body(found, part, start, stop)
    is_image = stored.kind == "image"
    answer = StreamingHttpResponse(
        body,
        status=206 if wanted else 200,
        content_type=stored.content_type if part == "content" else THUMBNAIL_TYPE,
        headers={**_HEADERS, "Content-Length": str(stop - start), "ETag": tag},
    )
    name = stored.name(found.cipher) if part == "content" else "thumbnail.jpg"
    answer["Content-Disposition"] = content_disposition_header(not is_image, name) or "attachment"
    if wanted:
        answer["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return answer


def _range(headers: Mapping[str, str], size: int, tag: str) -> tuple[int, int] | None:
    """Where the part asked for begins and ends; None for all of it.

    What is no single range of bytes is not heeded, as HTTP allows.
    """
    match = _RANGE.fullmatch(headers.get("Range", ""))
    if match is None or match.group(1, 2) == ("", ""):
        return None
    if headers.get("If-Range", tag) != tag:
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(size)
    return start, stop


class _Body:
    """The bytes, read in threads while they are sent; the object is open until the last.

    Made with its first piece, so that what does not open at all is told in time.
    """

    def __init__(self, found: Found, part: Part, start: int, stop: int) -> None:
        self._id = found.stored.ref.id
        self._held = ExitStack()
        try:
            reader = self._held.enter_context(objects.opened(found.stored, part, found.cipher))
            self._pieces: Iterator[bytes] = reader.pieces(start, stop)
            self._first = next(self._pieces, b"")
        except BaseException as error:
            self._held.close()
            if isinstance(error, (ObjectMissing, StoreDown, VaultError, OSError)):
                raise self._alarm(error) from None
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            piece = self._first
            while piece:
                yield piece
                piece = await asyncio.to_thread(self._next)
        finally:
            self._held.close()

    def close(self) -> None:
        """Django's, at the end of the response, also where nothing of it was read."""
        self._held.close()

    def _next(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except (VaultError, OSError) as error:
            raise self._alarm(error) from None

    def _alarm(self, error: BaseException) -> Unavailable:
        """The file is not what was put there, or nobody can say."""
        if isinstance(error, StoreDown):
            log.error("attachment.store_down", attachment_id=self._id, error=str(error))
        else:
            log.critical("attachment.damaged", attachment_id=self._id, reason=type(error).__name__)
        return Unavailable("attachment_unavailable")
