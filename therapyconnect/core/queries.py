"""Reads written once, run from threads and from the loop alike.

A selector is a generator: it yields a `Query`, is sent its rows, and returns what it found. REST
views run it on Django's connection, sockets on the loop's pool; neither version is written twice.

    def chat_row(chat_id: str) -> Reading[Row]:
        rows = yield Query("SELECT … WHERE id = %s", (chat_id,))
        return rows[0]
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import psycopg
from django.db import connection
from psycopg import AsyncConnection
from psycopg.types.datetime import TimestamptzLoader
from psycopg_pool import AsyncConnectionPool

T = TypeVar("T")
Row = tuple[Any, ...]
Rows = list[Row]


class Query(NamedTuple):
    sql: str
    params: Sequence[Any] | Mapping[str, Any] = ()


Reading = Generator[Query, Rows, T]


def run(reading: Reading[T]) -> T:
    """The result of `reading`, read on this thread's Django connection."""
    try:
        query = next(reading)
        while True:
            with connection.cursor() as cursor:
                # Django's reads a timestamp with a regular expression, psycopg's own in C: of a
                # page with four of them a row that was the half.
                cursor.cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
                cursor.execute(query.sql, query.params)
                rows = cursor.fetchall()
            query = reading.send(rows)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]


async def arun(reading: Reading[T], pool: AsyncConnectionPool[AsyncConnection[Row]]) -> T:
    """The result of `reading`, read on one connection of the loop's pool.

    A query that fails raises at its `yield`, so a reading may go on without what it asked.
    """
    async with pool.connection() as open_connection:
        try:
            query = next(reading)
            while True:
                try:
                    cursor = await open_connection.execute(query.sql, query.params)
                    rows = await cursor.fetchall()
                except psycopg.Error as error:
                    query = reading.throw(error)
                else:
                    query = reading.send(rows)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
