"""Routes for operators and integrators."""

from __future__ import annotations

from django.urls import path

from therapyconnect.ops.documents import AsyncApiView, DocsView, SchemaView

urlpatterns = [
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/asyncapi/", AsyncApiView.as_view(), name="asyncapi"),
    path("api/docs/", DocsView.as_view(), name="docs"),
]
