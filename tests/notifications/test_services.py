"""The server's own notifications: pushed after the commit, in few statements."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from therapyconnect.accounts.models import User
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.core.errors import Invalid
from therapyconnect.core.hub import Notified, Push
from therapyconnect.notifications.models import Notification
from therapyconnect.notifications.services import notify, set_publisher
from therapyconnect.notifications.services.notifying import CHUNK

WORDS: dict[str, Any] = {"title": "Care ended", "body": "", "level": "info", "kind": "care_ended"}
SIZES = (1, 10, 50)


@pytest.fixture
def pushed(transactional_db: None) -> Iterator[list[Sequence[Push]]]:
    """What was handed to the sockets, call by call."""
    calls: list[Sequence[Push]] = []
    set_publisher(calls.append)
    yield calls
    set_publisher(None)


def people(count: int, *, prefix: str = "p_told", active: bool = True) -> list[str]:
    made = User.objects.bulk_create(
        User(
            id=f"{prefix}{number:05}",
            email=f"{prefix}{number:05}@told.test",
            password="!",
            is_active=active,
        )
        for number in range(count)
    )
    return [user.id for user in made]


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Those that go to the tables."""
    around = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return [
        query["sql"] for query in captured.captured_queries
        if not query["sql"].startswith(around)
    ]  # fmt: skip


def test_each_is_told_their_own(pushed: list[Sequence[Push]]) -> None:
    one, two = people(2)
    made = notify([two, one, two], **WORDS)
    (told,) = pushed
    assert [push.user_id for push in told if isinstance(push, Notified)] == [one, two]
    assert [push.notification for push in told if isinstance(push, Notified)] == made
    assert len({notification.id for notification in made}) == 2
    for notification in made:
        assert (notification.kind, notification.read_at) == ("care_ended", None)
    rows = dict(Notification.objects.values_list("id", "user_id"))
    assert rows == {made[0].id: one, made[1].id: two}


def test_nothing_is_pushed_before_its_commit(pushed: list[Sequence[Push]]) -> None:
    ids = people(1)
    with transaction.atomic():
        notify(ids, **WORDS)
        assert pushed == []
    assert len(pushed) == 1


def test_nothing_is_pushed_that_was_not_committed(pushed: list[Sequence[Push]]) -> None:
    ids = people(1)
    with pytest.raises(RuntimeError), transaction.atomic():  # noqa: PT012
        notify(ids, **WORDS)
        raise RuntimeError
    assert pushed == []
    assert not Notification.objects.exists()


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("publisher", [None, "broken"])
def test_a_push_that_is_lost_loses_nothing(publisher: str | None) -> None:
    def broken(_pushes: Sequence[Push]) -> None:
        raise ConnectionError

    set_publisher(broken if publisher else None)
    try:
        assert len(notify(people(1), **WORDS)) == 1
    finally:
        set_publisher(None)
    assert Notification.objects.count() == 1


def test_everyone_in_bounded_chunks(pushed: list[Sequence[Push]]) -> None:
    people(3, prefix="p_gone", active=False)
    ids = people(2 * CHUNK + 1)
    with CaptureQueriesContext(connection) as captured:
        made = notify(None, **WORDS)
    assert len(made) == len(ids)
    assert [len(told) for told in pushed] == [CHUNK, CHUNK, 1]
    assert len(statements(captured)) == 1 + 3, [sql[:60] for sql in statements(captured)]
    assert set(Notification.objects.values_list("user_id", flat=True)) == set(ids)


def test_nobody_at_all(pushed: list[Sequence[Push]]) -> None:
    assert notify([], **WORDS) == []
    assert pushed == []


@pytest.mark.usefixtures("pushed")
@pytest.mark.parametrize(
    ("changes", "code", "attr"),
    [
        ({"title": ""}, "invalid", "title"),
        ({"title": "x" * 201}, "invalid", "title"),
        ({"body": "x" * 2001}, "invalid", "body"),
        ({"body": "\ud800"}, "invalid", "body"),
        ({"user_ids": ["p_never00"]}, "invalid", "user_ids"),
    ],
)
def test_what_the_server_gets_wrong_is_told(changes: dict[str, Any], code: str, attr: str) -> None:
    given = {"user_ids": people(1), **WORDS, **changes}
    with pytest.raises(Invalid) as refused:
        notify(given.pop("user_ids"), **given)
    (problem,) = refused.value.problems
    assert (problem.code, problem.attr) == (code, attr)
    assert not Notification.objects.exists()


def test_a_request_costs_a_fixed_number_of_queries(pushed: list[Sequence[Push]]) -> None:
    (reader,) = people(1)
    (author,) = people(1, prefix="a_told")
    for _ in range(max(SIZES)):
        notify([reader], **WORDS)
    users = {user.id: user for user in User.objects.all()}
    keys = open_sessions(users.values())

    def call(user_id: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        token = mint_access(user_id=user_id, session_id=keys[user_id])
        client = Client(headers={"Authorization": f"Bearer {token}"})
        with CaptureQueriesContext(connection) as captured:
            answer = client.generic(
                method, f"/api/notifications/{path}",
                b"" if body is None else json.dumps(body),
                content_type="application/json",
            )  # fmt: skip
        assert answer.status_code in (200, 201), answer.content
        return len(statements(captured)), answer.json()

    for size in SIZES:
        for query in ("", "&unread=true"):
            count, page = call(reader, "GET", f"?limit={size}{query}")
            assert (count, len(page["results"])) == (2, size)  # caller, page
    count, _ = call(reader, "POST", f"{page['results'][0]['id']}/mark_read/", {})
    assert count == 2  # caller, the row
    more = people(60, prefix="p_more")
    counts = {
        call(author, "POST", "", {"user_ids": more[:size], "title": "Hello"})[0] for size in SIZES
    }
    assert len(counts) == 1
    assert counts.pop() <= 4  # caller, throttle, recipients, rows
