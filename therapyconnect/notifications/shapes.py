"""What a client sees and sends: one struct each for REST, the pushed frame and the document."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from therapyconnect.core.clock import At
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.notifications.ids import ID_PATTERN

LevelName = Literal["info", "warning", "urgent"]

MAX_TITLE: Final = 200
MAX_BODY: Final = 2000
MAX_USER_IDS: Final = 10_000

Title = Annotated[str, Meta(min_length=1, max_length=MAX_TITLE)]
Body = Annotated[str, Meta(max_length=MAX_BODY)]
UserIds = Annotated[list[str], Meta(min_length=1, max_length=MAX_USER_IDS)]


class Notification(msgspec.Struct, kw_only=True):
    """One of the caller's own. `kind` is `admin`, or says what in the server made it."""

    id: Annotated[str, Meta(pattern=ID_PATTERN)]
    kind: str
    level: LevelName
    title: str
    body: str
    created_at: At
    read_at: At | None = None


class NotificationPage(msgspec.Struct, kw_only=True):
    """The caller's own, newest first."""

    results: list[Notification]
    next: str | None = None
    previous: str | None = None


class NotificationFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the list."""

    unread: bool | None = None
    user_id: str | None = None
    cursor: str | None = None
    limit: Limit = DEFAULT_LIMIT


class NotificationCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What an administrator writes, to some (`user_ids`) or to every active user (`everyone`).

    Exactly one of the two. The text must be free of patient text: it concerns the clinic.
    """

    title: Title
    body: Body = ""
    level: LevelName = "info"
    user_ids: UserIds | None = None
    everyone: bool = False


class Announcement(msgspec.Struct, kw_only=True):
    """What was written, and how many people got it: each has a notification of their own."""

    title: str
    body: str
    level: LevelName
    kind: str
    created_at: At
    recipients: int


class MarkRead(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A body that may be empty; `user_id` is optional and can only be the caller."""

    user_id: str | None = None
