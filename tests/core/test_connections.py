"""A connection gives up on a server that does not answer, and on nothing else."""

from __future__ import annotations

import time

import psycopg
import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError

from therapyconnect.core import connections
from therapyconnect.core.connections import ANSWER_SECONDS, BoundedConnection


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "ANSWER_SECONDS", 2)


def test_django_uses_it_and_the_server_gives_up_first(db: None) -> None:
    connection.ensure_connection()
    assert isinstance(connection.connection, BoundedConnection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
        assert cursor.fetchone()[0] / 1000 < ANSWER_SECONDS


def test_what_takes_too_long_is_an_operational_error(
    transactional_db: None, impatient: None
) -> None:
    """Inside a transaction: its end must neither wait again nor hide why."""
    began = time.monotonic()
    too_long = pytest.raises(OperationalError, match="does not answer")
    with too_long, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(9)")
    assert 1.5 < time.monotonic() - began < 8
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_slow_but_in_time_and_idle_for_long(impatient: None) -> None:
    from tests.conftest import SERVER_URL

    with BoundedConnection.connect(SERVER_URL, autocommit=True) as own:
        for _ in range(3):
            own.execute("SELECT pg_sleep(1)")
        time.sleep(2.5)
        assert own.execute("SELECT 1").fetchone() == (1,)
        # Who names a time has that one.
        assert list(own.notifies(timeout=2.5)) == []
        with pytest.raises(psycopg.OperationalError):
            own.execute("SELECT pg_sleep(9)")
        assert own.closed
