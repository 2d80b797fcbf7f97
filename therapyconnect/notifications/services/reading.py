"""A notification read by its owner."""

from __future__ import annotations

from typing import Final

from therapyconnect.core import clock
from therapyconnect.core.errors import NotFound
from therapyconnect.core.queries import Query, Reading, run
from therapyconnect.notifications.selectors import COLUMNS, render_notification
from therapyconnect.notifications.shapes import Notification

# By primary key. The first reading's time stays: marking again changes nothing that is seen.
_MARK_SQL: Final = (
    "UPDATE notifications_notification SET read_at = COALESCE(read_at, %s)"
    f" WHERE id = %s AND user_id = %s RETURNING {COLUMNS}"
)


def mark_read(*, reader_id: str, notification_id: str) -> Notification:
    """The reader's notification, read now or before. Another's is `NotFound`, as one unknown."""
    return run(_marked(reader_id, notification_id))


def _marked(reader_id: str, notification_id: str) -> Reading[Notification]:
    rows = yield Query(_MARK_SQL, (clock.now(), notification_id, reader_id))
    if not rows:
        raise NotFound()
    return render_notification(rows[0])
