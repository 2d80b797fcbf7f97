"""Database connections that wait so long and no longer, whatever the server does."""

from __future__ import annotations

import select
from typing import Any, Final, TypeVar

import psycopg
from django.db import connection
from psycopg import AsyncConnection
from psycopg.abc import PQGen
from psycopg_pool import AsyncConnectionPool, ConnectionPool

T = TypeVar("T")

ANSWER_SECONDS: Final = 12.0
"""Above `statement_timeout` (10 s): a server that lives ends a statement first, by itself."""
RECONNECT_SECONDS: Final = 2.0
"""After which a pool stops trying to connect, and begins anew with whoever asks next.

Else each failed try doubles its pause, and an outage of a minute is felt for another.
"""


def let_go() -> None:
    """Give this thread's connection back to its pool, before work that takes long without it.

    The next query takes one again. There are eight: what a slow reader held, others would miss.
    """
    if not connection.in_atomic_block:
        connection.close()


class BoundedConnection(psycopg.Connection[Any]):
    """One that gives up on a server which does not answer: frozen, or gone without a word.

    The server's time-outs need a server that runs, and TCP's need TCP. Whoever waits longer gets
    an `OperationalError`, and the connection is closed: what it was asked may still be done.

    One that the server has ended takes its idle neighbours in the pool with it. They mostly died
    together, and the pool, which finds them out one by one with a longer pause after each, would
    give up at the third.
    """

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        if timeout is not None:
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, ANSWER_SECONDS)
        except psycopg.errors._WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server does not answer") from None
        except psycopg.OperationalError:
            if self.closed and isinstance(pool := getattr(self, "_pool", None), ConnectionPool):
                pool.drain()
            raise


async def check_unless_silent(connection: AsyncConnection[Any]) -> None:
    """A pool's check: raise where the server has ended this idle connection.

    Who is idle is told nothing but its end, so a connection with nothing to read is not asked: the
    question would cost as much as most answers. One that vanished without a word is found out by
    the time limit of what is read through it.
    """
    silence = select.poll()  # `select.select` refuses the numbers that thousands of sockets lead to
    silence.register(connection.fileno(), select.POLLIN)
    if silence.poll(0):
        try:
            await AsyncConnectionPool.check_connection(connection)
        except psycopg.OperationalError:
            # As above: what died with it is not to be found out one by one.
            if isinstance(pool := getattr(connection, "_pool", None), AsyncConnectionPool):
                await pool.drain()
            raise
