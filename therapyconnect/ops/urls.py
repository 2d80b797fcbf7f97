"""Routes for operators and integrators."""

from __future__ import annotations

from django.urls import path

from therapyconnect.ops.documents import DocsView, SchemaView
from therapyconnect.ops.health import live, ready

urlpatterns = [
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", DocsView.as_view(), name="docs"),
    path("health/live", live, name="health-live"),
    path("health/ready", ready, name="health-ready"),
]
