"""Reads: a person's own notifications, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from therapyconnect.core.pagination import Cursor, decode_cursor
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.notifications.seals import open_words
from therapyconnect.notifications.shapes import Notification, NotificationFilters

COLUMNS: Final = "id, user_id, kind, level, title_sealed, body_sealed, created_at, read_at"

_UNREAD_SQL: Final = {True: "read_at IS NULL", False: "read_at IS NOT NULL"}


class Found(msgspec.Struct):
    """A page's notifications with the cursors that lead to its neighbours."""

    notifications: list[Notification]
    next: Cursor | None = None
    previous: Cursor | None = None


def notification_page(*, viewer_id: str, filters: NotificationFilters) -> Reading[Found]:
    """The viewer's own: one query. Index: notification_of_user, notification_unread."""
    where = ["user_id = %s"]
    params: list[Any] = [viewer_id]
    if filters.unread is not None:
        where.append(_UNREAD_SQL[filters.unread])
    cursor = decode_cursor(filters.cursor) if filters.cursor is not None else None
    back = cursor is not None and cursor.back
    if cursor is not None:
        where.append(f"(created_at, id) {'>' if back else '<'} (%s, %s)")
        params += [cursor.at, cursor.id]
    order = "ASC" if back else "DESC"
    rows = yield Query(
        f"SELECT {COLUMNS} FROM notifications_notification WHERE {' AND '.join(where)}"
        f" ORDER BY created_at {order}, id {order} LIMIT %s",
        (*params, filters.limit + 1),
    )
    more = len(rows) > filters.limit
    rows = rows[: filters.limit]
    if back:
        rows.reverse()
    found = Found([render_notification(row) for row in rows])
    if rows and (more or back):
        found.next = _place(found.notifications[-1])
    if rows and cursor is not None and (more or not back):
        found.previous = _place(found.notifications[0], back=True)
    return found


def notification_by_id(id: str, *, user_id: str) -> Reading[Notification | None]:
    """One of the user's own, by primary key."""
    rows = yield Query(
        f"SELECT {COLUMNS} FROM notifications_notification WHERE id = %s AND user_id = %s",
        (id, user_id),
    )
    return render_notification(rows[0]) if rows else None


def notifications_since(
    user_ids: Sequence[str], *, since: datetime
) -> Reading[list[tuple[str, Notification]]]:
    """Those of these users that were made since then, oldest first. Index: notification_of_user."""
    rows = yield Query(
        f"SELECT {COLUMNS} FROM notifications_notification"
        " WHERE user_id = ANY(%s) AND created_at >= %s ORDER BY created_at, id",
        (list(user_ids), since),
    )
    return [(row[1], render_notification(row)) for row in rows]


def active_users(user_ids: list[str] | None) -> Reading[list[str]]:
    """Those of `user_ids` (None: of all) who are active users; one query, in the ids' order."""
    if user_ids is None:
        rows = yield Query("SELECT id FROM accounts_user WHERE is_active ORDER BY id")
    else:
        rows = yield Query(
            "SELECT id FROM accounts_user WHERE is_active AND id = ANY(%s) ORDER BY id", (user_ids,)
        )
    return [row[0] for row in rows]


def render_notification(row: Row) -> Notification:
    """A row of `COLUMNS`, opened."""
    id, user_id, kind, level, title, body, created_at, read_at = row
    return Notification(
        id=id,
        kind=kind,
        level=level,
        title=open_words(title, id=id, user_id=user_id, column="title"),
        body=open_words(body, id=id, user_id=user_id, column="body"),
        created_at=created_at,
        read_at=read_at,
    )


def _place(notification: Notification, *, back: bool = False) -> Cursor:
    return Cursor(notification.created_at, notification.id, back=back)
