"""Files over REST: upload, state, and the bytes for who may see the message."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from therapyconnect.accounts.quotas import take_named
from therapyconnect.attachments.incoming import incoming
from therapyconnect.attachments.policies import check_fetch
from therapyconnect.attachments.seals import Part
from therapyconnect.core.connections import let_go
from therapyconnect.core.errors import Invalid, Problem
from therapyconnect.core.queries import run
from therapyconnect.messaging import serializers
from therapyconnect.messaging.selectors.attachments import access_attachment
from therapyconnect.messaging.services.attaching import attach
from therapyconnect.messaging.services.sending import check_identity
from therapyconnect.messaging.views.base import PrincipalViewSet
from therapyconnect.messaging.views.downloads import download
from therapyconnect.messaging.views.uploading import UploadForm, UploadParser

_FORM: Final = {
    "multipart/form-data": {
        "type": "object",
        "properties": {
            "chat_id": {"type": "string", "description": "The chat that it is for."},
            "file": {
                "type": "string",
                "format": "binary",
                "description": "JPEG, PNG, WebP, GIF, PDF, text, DOCX or ODT; at most 50 MiB.",
            },
            "user_id": {"type": "string", "description": "Optional, and only the caller's own."},
        },
        "required": ["chat_id", "file"],
        "additionalProperties": False,
    }
}
_RANGE: Final = OpenApiParameter(
    "Range", str, OpenApiParameter.HEADER, description="One range of bytes: answered with 206."
)
_RECEIVED: Final = OpenApiExample(
    "Received",
    value={
        "id": "ATT_t_abc123_p_xyz789_0f1e2d3c4b5a69788796a5b4",
        "state": "ready",
        "name": "diary.pdf",
        "size": 48213,
        "content_type": "application/pdf",
    },
    response_only=True,
)
_BYTES: Final = {
    (200, "application/octet-stream"): OpenApiTypes.BINARY,
    (206, "application/octet-stream"): OpenApiTypes.BINARY,
}


class AttachmentViewSet(PrincipalViewSet):
    """Files of the caller's chats."""

    parser_classes = [UploadParser]
    upload_folder: Path

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        # An image element accepts images alone; what it is refused with is JSON anyway.
        return super().perform_content_negotiation(request, force or self.action != "create")

    @extend_schema(
        request=_FORM,
        responses={201: serializers.AttachmentSerializer},
        examples=[_RECEIVED],
    )
    def create(self, request: Request) -> Response:
        """Upload a file, to be sent with `attachment_id`: checked, sealed and stored when answered.

        `state` is `ready`, or `scanning` where the virus scanner has not said so yet: it may be
        sent meanwhile. What nobody sends in a day is removed.
        """
        caller = self.caller(request)
        run(take_named("upload", caller.id))
        let_go()
        with incoming().folder() as folder:
            self.upload_folder = folder
            form = _form(request.data)
            for claimed in form.fields.get("user_id", []):
                check_identity(caller, claimed, attr="user_id")
            chat_id = _chat_id(form)
            assert form.upload is not None
            made = attach(uploader=caller, chat_id=chat_id, upload=form.upload, folder=folder)
        return Response(made, status=201)

    @extend_schema(responses=serializers.AttachmentSerializer)
    @action(detail=True, methods=["get"])
    def status(self, request: Request, pk: str) -> Response:
        """What the file is, and whether it can be fetched."""
        return Response(run(access_attachment(viewer=self.caller(request), attachment_id=pk)).shape)

    @extend_schema(parameters=[_RANGE], responses=_BYTES)
    def retrieve(self, request: Request, pk: str) -> StreamingHttpResponse:
        """The file's bytes: a download, but for images, which may be shown in their place."""
        return self._download(request, pk, "content")

    @extend_schema(parameters=[_RANGE], responses=_BYTES)
    @action(detail=True, methods=["get"])
    def thumbnail(self, request: Request, pk: str) -> StreamingHttpResponse:
        """A small picture of an image; 404 for what is none."""
        return self._download(request, pk, "thumbnail")

    def _download(self, request: Request, pk: str, part: Part) -> StreamingHttpResponse:
        found = run(access_attachment(viewer=self.caller(request), attachment_id=pk))
        check_fetch(found.stored)
        return download(found, part, request.headers)


def _form(data: Any) -> UploadForm:
    """What the parser read; REST framework asks none where nothing came."""
    return data if isinstance(data, UploadForm) else UploadForm({}, None)


def _chat_id(form: UploadForm) -> str:
    """The chat's id; `Invalid` with all that is wrong with the form."""
    problems = [
        Problem("unknown_field", "No such field.", name[:64])
        for name in form.fields
        if name not in ("chat_id", "user_id")
    ]
    given = form.fields.get("chat_id", [])
    if len(given) != 1:
        code = "invalid" if given else "required"
        problems.append(Problem(code, "This field is given once.", "chat_id"))
    if form.upload is None:
        problems.append(Problem("required", "This field is required.", "file"))
    if problems:
        raise Invalid.of(*problems)
    return given[0]
