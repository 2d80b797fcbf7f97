"""The product's routes, and the twin's under `/twin/`."""

from django.urls import include, path

from bench.reads.twin import ChatList, MessageList
from therapyconnect.config.urls import (
    handler400,
    handler403,
    handler404,
    handler500,
)
from therapyconnect.config.urls import (
    urlpatterns as product,
)

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("twin/messages/", MessageList.as_view()),
    path("twin/chats/", ChatList.as_view()),
    path("", include(product)),
]
