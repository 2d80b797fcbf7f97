"""A multipart form with one file, streamed to the upload's own folder in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from therapyconnect.attachments.services.receiving import Upload
from therapyconnect.core.errors import Invalid, TooLarge
from therapyconnect.messaging.services.attaching import MAX_BYTES


@dataclass(slots=True)
class UploadForm:
    """What was sent: the fields' values by name, and the file, where there was one."""

    fields: dict[str, list[str]]
    upload: Upload | None


class UploadParser(BaseParser):
    """Reads the form into an `UploadForm`; the file goes into the view's `upload_folder`."""

    media_type = "multipart/form-data"

    def parse(  # type: ignore[override]  # REST framework hands on whatever it is given
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> UploadForm:
        assert parser_context is not None
        request, view = parser_context["request"], parser_context["view"]
        meta = {**request.META, "CONTENT_TYPE": media_type}
        handler = _ToFolder(view.upload_folder)
        try:
            fields, _ = MultiPartParser(meta, cast(Any, stream), [handler], "utf-8").parse()
        except (MultiPartParserError, UnicodeError):
            raise ParseError("The body is not a form that can be read.") from None
        return UploadForm({name: fields.getlist(name) for name in fields}, handler.upload)


class _ToFolder(FileUploadHandler):
    """The one file of the form, mode 0600; a second one, or one that is too large, is refused."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._path = folder / "upload"
        self._file: IO[bytes] | None = None
        self._size = 0
        self.upload: Upload | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self.field_name != "file":
            raise Invalid("unknown_field", "No such field.", str(self.field_name)[:64])
        if self._file is not None:
            raise Invalid("invalid", "One file at a time.", "file")
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._file is not None
        self._size += len(raw_data)
        if self._size > MAX_BYTES:
            self.close()
            raise TooLarge("payload_too_large", "A file has at most 50 MiB.", "file")
        self._file.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """It is ours alone: Django is not to know of a file."""
        self.close()
        self.upload = Upload(self._path, self.file_name or "", self.content_type or "")

    def upload_interrupted(self) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
