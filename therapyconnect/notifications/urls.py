"""Routes of this room, below `/api/`."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from therapyconnect.notifications.views import NotificationViewSet

router = SimpleRouter()
router.register("notifications", NotificationViewSet, basename="notification")

urlpatterns = router.urls
