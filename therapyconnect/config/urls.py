"""Every HTTP route of the server."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("_allauth/", include("therapyconnect.accounts.auth_urls")),
    path("api/", include("therapyconnect.accounts.urls")),
    path("api/", include("therapyconnect.crisis.urls")),
    path("api/", include("therapyconnect.notifications.urls")),
    path("api/", include("therapyconnect.messaging.urls")),
    path("", include("therapyconnect.ops.urls")),
]

handler400 = "therapyconnect.core.rest.errors.bad_request"
handler403 = "therapyconnect.core.rest.errors.forbidden"
handler404 = "therapyconnect.core.rest.errors.not_found"
handler500 = "therapyconnect.core.rest.errors.server_error"
