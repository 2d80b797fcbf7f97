"""Routes for operators and integrators."""

from __future__ import annotations

from django.urls import path

from therapyconnect.ops.documents import DocsView, SchemaView

urlpatterns = [
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
]
