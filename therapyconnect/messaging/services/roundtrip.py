"""Several prepared statements in one write, and all their rows in one read.

psycopg's own pipeline flushes after each statement, so PostgreSQL wakes for each, and it walks an
array value by value: together most of what a batch cost. A lane's few statements are therefore
sent here by hand, over psycopg's public `pq` layer.

The statements are prepared once on each connection, under fixed names, so their number is bounded.
They are planned for all parameters at once, and anew only every few hundred batches.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, errors
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, Format
from psycopg.waiting import Ready, Wait

from therapyconnect.core.queries import Row

Connection = AsyncConnection[Row]
Statements = dict[str, str]
Call = Callable[[], None]

_SETTINGS: Final = (
    "SET plan_cache_mode = force_generic_plan",
    # A chat in use has thousands of dead versions between two vacuums. An index scan marks them as
    # dead and skips them from then on; a bitmap scan visits every one, every time.
    "SET enable_bitmapscan = off",
)
# A plan made while a table was almost empty may take the wrong one of two indexes, and then reads a
# whole chat for each message. It would live until the next ANALYZE; so it is made anew before that:
# whenever the batches have doubled, and from then on each time so many are done.
_BATCHES_A_PLAN: Final = 256
_batches: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()


async def prepare(connection: Connection, make: Callable[[], Statements]) -> None:
    """Before each batch: have the statements (name to SQL with `$1`…) prepared and well planned."""
    done = _batches.get(connection)
    pgconn = connection.pgconn
    if done is None:
        calls = [_plainly(pgconn, sql) for sql in _SETTINGS]
        for name, sql in make().items():
            calls.append(partial(pgconn.send_prepare, name.encode(), sql.encode()))
        await _exchange(connection, calls)
    elif done & (done - 1) == 0 or done % _BATCHES_A_PLAN == 0:
        await _exchange(connection, [_plainly(pgconn, "DISCARD PLANS")])
    _batches[connection] = (done or 0) + 1


def _plainly(pgconn: Any, sql: str) -> Call:
    return partial(pgconn.send_query_params, sql.encode(), None)


class RoundTrip:
    """Statements to send together; each call of `add` tells where its rows will be."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._calls: list[Call] = []
        self._rows: list[list[Row]] = []

    def add(self, name: str, *params: bytes) -> list[Row]:
        """Queue a prepared statement; the list returned holds its rows after `run`."""
        send = self._connection.pgconn.send_query_prepared
        formats = [Format.BINARY] * len(params)
        self._calls.append(partial(send, name.encode(), params, formats, Format.BINARY))
        rows: list[Row] = []
        self._rows.append(rows)
        return rows

    async def run(self) -> None:
        """Send, and wait for every answer. The first error of the server is raised."""
        results = await _exchange(self._connection, self._calls)
        reader = Transformer(self._connection)
        for rows, result in zip(self._rows, results, strict=True):
            if result.ntuples:
                reader.set_pgresult(result, set_loaders=True, format=Format.BINARY)
                rows.extend(reader.load_rows(0, result.ntuples, tuple))


async def _exchange(connection: Connection, calls: Iterable[Call]) -> list[Any]:
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    for call in calls:
        call()
    pgconn.pipeline_sync()
    results: list[Any] = await connection.wait(_read(pgconn))
    pgconn.exit_pipeline_mode()
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise errors.error_from_result(result)
    return results


def _read(pgconn: Any) -> Generator[Wait, Ready | int, list[Any]]:
    """Write all that is queued, then read one result for each statement, up to the sync."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[Any] = []
    while True:
        while pgconn.is_busy():
            yield Wait.R
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:  # the end of one statement's results
            continue
        if result.status == ExecStatus.PIPELINE_SYNC:
            return results
        results.append(result)


# --- parameters, in PostgreSQL's binary format ------------------------------------------------

_BOOL, _BYTEA, _INT8, _TEXT, _TIMESTAMPTZ = 16, 17, 20, 25, 1184
_NULL: Final = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\x00\x00\x00\x01\x01", b"\x00\x00\x00\x01\x00"
_HEAD: Final = struct.Struct("!iiiii").pack  # dimensions, has nulls, type, length, lower bound
_LENGTH: Final = struct.Struct("!i").pack
_NUMBER: Final = struct.Struct("!iq").pack
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def texts(values: Iterable[str | None]) -> bytes:
    """A `text[]`."""
    return _bytes(_TEXT, [None if value is None else value.encode() for value in values])


def blobs(values: Sequence[bytes | None]) -> bytes:
    """A `bytea[]`."""
    return _bytes(_BYTEA, values)


def numbers(values: Iterable[int | None]) -> bytes:
    """A `bigint[]`."""
    return _array(_INT8, [_NULL if value is None else _NUMBER(8, value) for value in values])


def booleans(values: Iterable[bool]) -> bytes:
    """A `boolean[]`."""
    return _array(_BOOL, [_TRUE if value else _FALSE for value in values])


def moment(value: datetime) -> bytes:
    """A `timestamptz`."""
    return ((value - _EPOCH) // _MICROSECOND).to_bytes(8, "big", signed=True)


def moments(values: Iterable[datetime | None]) -> bytes:
    """A `timestamptz[]`."""
    return _array(
        _TIMESTAMPTZ,
        [_NULL if value is None else _LENGTH(8) + moment(value) for value in values],
    )


def _bytes(kind: int, values: Sequence[bytes | None]) -> bytes:
    return _array(
        kind, [_NULL if value is None else _LENGTH(len(value)) + value for value in values]
    )


def _array(kind: int, items: Sequence[bytes]) -> bytes:
    if not items:
        return _HEAD(0, 0, kind, 0, 0)[:12]
    return _HEAD(1, 1, kind, len(items), 1) + b"".join(items)
