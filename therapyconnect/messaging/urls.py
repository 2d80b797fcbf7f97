"""Routes of this room, below `/api/`."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from therapyconnect.messaging.views.attachments import AttachmentViewSet
from therapyconnect.messaging.views.chats import ChatViewSet
from therapyconnect.messaging.views.emergencies import EmergencyViewSet
from therapyconnect.messaging.views.messages import MessageViewSet
from therapyconnect.messaging.views.relationships import CareRelationshipViewSet
from therapyconnect.messaging.views.rooms import ChatRoomViewSet

router = SimpleRouter()
router.register("chats", ChatViewSet, basename="chat")
router.register("messages", MessageViewSet, basename="message")
router.register("attachments", AttachmentViewSet, basename="attachment")
router.register("emergencies", EmergencyViewSet, basename="emergency")
router.register("chat-rooms", ChatRoomViewSet, basename="chat-room")
router.register("care-relationships", CareRelationshipViewSet, basename="care-relationship")

urlpatterns = [
    # A file's name: without the slash that every other route ends with.
    path("messages/<str:pk>/calendar.ics", MessageViewSet.as_view({"get": "calendar"})),
    *router.urls,
]
