"""The API's documents, from the code; the page works offline and, in the demo, is authorised."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from therapyconnect.core.rest.renderers import MsgspecRenderer
from therapyconnect.ops.demo import demo_access_token
from therapyconnect.realtime import asyncapi


class SchemaView(SpectacularAPIView):
    """`GET /api/schema/`: OpenAPI 3.1 as JSON."""

    renderer_classes = [OpenApiJsonRenderer2]

    def _get_schema_response(self, request: Request) -> Response:
        # Not drf-spectacular's own, which writes the query's `version` and `lang` into a header.
        generator = self.generator_class(urlconf=self.urlconf, api_version=self.api_version)
        document = generator.get_schema(  # type: ignore[no-untyped-call]
            request=request, public=self.serve_public
        )
        return Response(document)


class AsyncApiView(APIView):
    """`GET /api/asyncapi/`: AsyncAPI 3 of the sockets, as JSON."""

    renderer_classes = [MsgspecRenderer]
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        # The name it was asked by is one of ALLOWED_HOSTS: nothing foreign gets into the document.
        return Response(asyncapi.document(host=request.get_host(), secure=request.is_secure()))


class DocsView(SpectacularSwaggerSplitView):
    """`GET /api/docs/`: interactive documents, everything served from here."""

    renderer_classes = [TemplateHTMLRenderer]
    url_name = "schema"

    def handle_exception(self, exc: Exception) -> Response:
        # An error of this page has the shape of all errors, not a template.
        self.request.accepted_renderer = MsgspecRenderer()
        self.request.accepted_media_type = MsgspecRenderer.media_type
        return super().handle_exception(exc)

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        script = request.GET.get("script") is not None
        if script and settings.THERAPYCONNECT["MODE"] == "demo":
            response.data["settings"] = _authorised_settings()
        return response


def _authorised_settings() -> str:
    """Swagger UI's settings with the demo therapist's fresh token; the account is public anyway."""
    token = demo_access_token()
    if token is None:
        return "{deepLinking: true}"
    return (
        "{deepLinking: true, persistAuthorization: false, onComplete: () => "
        f'ui.preauthorizeApiKey("bearer", {json.dumps(token)})' + "}"
    )
