"""Notifications made: by an administrator, or by the server itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from django.db import transaction

from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.quotas import take_named
from therapyconnect.core import clock
from therapyconnect.core.errors import Invalid
from therapyconnect.core.hub import Notified
from therapyconnect.core.queries import run
from therapyconnect.notifications import models
from therapyconnect.notifications.ids import new_notification_id
from therapyconnect.notifications.policies import (
    check_author,
    check_ids,
    check_known,
    recipients_problem,
    words_problems,
)
from therapyconnect.notifications.seals import seal_words
from therapyconnect.notifications.selectors import active_users
from therapyconnect.notifications.services.publisher import publish
from therapyconnect.notifications.shapes import (
    Announcement,
    LevelName,
    Notification,
    NotificationCreate,
)

log = structlog.get_logger("therapyconnect.notifications")

CHUNK: Final = 1000
"""Rows of one statement, and pushes handed over at once: what a clinic's size can't stretch."""


def announce(*, author: Principal, text: NotificationCreate) -> Announcement:
    """What an administrator writes to some or to every active user; all get it, or nobody.

    `Forbidden` from anyone else; `Invalid` names each field that is wrong. Unknown and inactive
    users are `user_ids`' fault. `Throttled` where one administrator writes too many.
    """
    check_author(author.role)
    problems = words_problems(title=text.title, body=text.body)
    problem = recipients_problem(text.user_ids, everyone=text.everyone)
    if problem is not None:
        problems.append(problem)
    if problems:
        raise Invalid.of(*problems)
    run(take_named("notify", author.id))
    at = clock.now()
    made = _make(text.user_ids, title=text.title, body=text.body, level=text.level, at=at)
    log.info("notifications.announced", author_id=author.id, recipients=len(made))
    return Announcement(
        title=text.title,
        body=text.body,
        level=text.level,
        kind="admin",
        created_at=at,
        recipients=len(made),
    )


def notify(
    user_ids: Sequence[str] | None, *, title: str, body: str, level: LevelName, kind: str
) -> list[Notification]:
    """The server's own word to `user_ids` (None: every active user), in the order of their ids.

    Two queries, and one statement per `CHUNK` people, in one transaction (or the caller's); each is
    pushed after the commit. The words must be free of patient text. `kind` is a short stable name,
    such as `care_ended`. `Invalid` where words or a user can't be.
    """
    problems = words_problems(title=title, body=body)
    if problems:
        raise Invalid.of(*problems)
    return _make(user_ids, title=title, body=body, level=level, kind=kind, at=clock.now())


def _make(
    user_ids: Sequence[str] | None,
    *,
    title: str,
    body: str,
    level: LevelName,
    at: datetime,
    kind: str = "admin",
) -> list[Notification]:
    made: list[Notification] = []
    wanted = None if user_ids is None else list(dict.fromkeys(user_ids))
    if wanted is not None:
        check_ids(wanted)
    with transaction.atomic():
        found = run(active_users(wanted))
        if wanted is not None:
            check_known(wanted, set(found))
        for chunk in _chunks(found):
            told = [
                Notified(
                    user_id,
                    Notification(
                        id=new_notification_id(),
                        kind=kind,
                        level=level,
                        title=title,
                        body=body,
                        created_at=at,
                    ),
                )
                for user_id in chunk
            ]
            models.Notification.objects.bulk_create(_row(push) for push in told)
            transaction.on_commit(partial(publish, told))
            made += [push.notification for push in told]
    return made


def _row(push: Notified) -> models.Notification:
    told: Notification = push.notification
    user_id = push.user_id
    return models.Notification(
        id=told.id,
        user_id=user_id,
        kind=told.kind,
        level=told.level,
        title_sealed=seal_words(told.title, id=told.id, user_id=user_id, column="title"),
        body_sealed=seal_words(told.body, id=told.id, user_id=user_id, column="body"),
        created_at=told.created_at,
    )


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + CHUNK] for at in range(0, len(ids), CHUNK))
