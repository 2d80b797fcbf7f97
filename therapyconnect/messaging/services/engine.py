"""The engine: the loop's side of messaging. Lanes to write, a pool to read, a hub to push.

In the server it lives on the server's loop. Where there is no server (a management command, a
test client) it is started on first use, on a loop in a thread of its own, so that every send
takes the same way.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import connection as django_connection
from psycopg import AsyncConnection
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg_pool import AsyncConnectionPool

from therapyconnect.core import clock
from therapyconnect.core.connections import RECONNECT_SECONDS, check_unless_silent, let_go
from therapyconnect.core.errors import DomainError, Unavailable
from therapyconnect.core.hub import AlertChanged, Happened, Hub, Push, ReceiptMoved, Unsure
from therapyconnect.core.queries import Reading, Row, arun
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.services.doubts import Doubts
from therapyconnect.messaging.services.lanes import Lanes
from therapyconnect.messaging.services.requests import (
    Advanced,
    Changed,
    Outcome,
    Request,
    Sent,
)

T = TypeVar("T")

ANSWER_SECONDS: Final = 15.0
POOL_SIZE: Final = 6
UNSURE_LOOKS_SECONDS: Final = (0.0, 1.0, 8.0)
POOL_WAIT_SECONDS: Final = 3.0
READ_SECONDS: Final = 8.0

# The lanes' queries go by key. A plan made while the tables were small would scan them for as
# long as the connection lives; so scans are priced out of it. Time-outs bound a locked table.
_LANE_OPTIONS: Final = (
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
    " -c lock_timeout=3000 -c statement_timeout=6000 -c synchronous_commit=on"
    " -c idle_in_transaction_session_timeout=15000 -c TimeZone=UTC"
)
_READ_OPTIONS: Final = "-c statement_timeout=10000 -c jit=off -c lock_timeout=3000 -c TimeZone=UTC"


def conninfo() -> dict[str, Any]:
    """libpq's parameters for the database that Django uses."""
    params = dict(django_connection.get_connection_params())
    keys = ("dbname", "user", "password", "host", "port", "connect_timeout", "tcp_user_timeout",
            "sslmode", "sslrootcert", "sslcert", "sslkey")  # fmt: skip
    return {key: params[key] for key in keys if params.get(key)}


class Engine:
    """Started once per process; `start` and `stop` run on its loop."""

    def __init__(self, hub: Hub | None) -> None:
        self.hub = hub
        self.loop: asyncio.AbstractEventLoop | None = None
        self.alert_doubts = Doubts()
        self._lanes: Lanes | None = None
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] | None = None

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._pool = AsyncConnectionPool(
            kwargs={**conninfo(), "autocommit": True, "options": _READ_OPTIONS},
            min_size=1,
            max_size=POOL_SIZE,
            timeout=POOL_WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
            check=check_unless_silent,
        )
        await self._pool.open()
        self._lanes = Lanes(_connect_lane, self._committed, count=settings.THERAPYCONNECT["LANES"])
        self._lanes.start()

    async def drain(self) -> None:
        if self._lanes is not None:
            await self._lanes.drain()

    async def stop(self) -> None:
        if self._lanes is not None:
            await self._lanes.stop()
        if self._pool is not None:
            await self._pool.close()

    def submit(self, request: Request) -> None:
        """Hand `request` to its lane. On the engine's loop only."""
        if self._lanes is None:
            request.reply(Unavailable("stopping"))
            return
        self._lanes.submit(request)

    async def read(self, reading: Reading[T]) -> T:
        """Run a selector on the loop's pool."""
        if self._pool is None:
            raise Unavailable("stopping")
        async with asyncio.timeout(READ_SECONDS):
            return await arun(reading, self._pool)

    def doubt(self, chat_ids: Collection[str]) -> None:
        """These chats may have changed with nobody told: look again. On the engine's loop only.

        More than once: the server may still finish a commit whose connection was lost.
        """
        if self.hub is None or self.loop is None:
            return
        self.alert_doubts.note(chat_ids, now=clock.now())
        unsure: list[Push] = [Unsure(chat_id) for chat_id in chat_ids]
        for delay in UNSURE_LOOKS_SECONDS:
            self.loop.call_later(delay, self.hub.publish, unsure)

    def _committed(self, pairs: Sequence[tuple[Request, Outcome]]) -> None:
        if self.hub is None:
            return
        pushes: list[Push] = []
        doubted: set[str] = set()
        for request, outcome in pairs:
            if isinstance(outcome, (Sent, Changed)):
                pushes.extend(pushes_of(outcome, origin=request.origin))
            elif isinstance(outcome, Unavailable) and outcome.unknown:
                doubted.add(request.chat_id)
            elif isinstance(outcome, Advanced):
                if outcome.moved:
                    pushes.append(receipt_of(outcome, origin=request.origin))
                if outcome.alert is not None:
                    pushes.append(AlertChanged(outcome.chat_id, outcome.alert))
        if pushes:
            self.hub.publish(pushes)
        if doubted:
            self.doubt(doubted)


def pushes_of(outcome: Sent | Changed, *, origin: object = None) -> list[Push]:
    """What both participants are told of a commit, in the order of its numbers."""
    chat = outcome.chat
    pushes: list[Push] = []
    if isinstance(outcome, Sent):
        if outcome.created:
            created = Happening.created(outcome.message)
            pushes.append(Happened(chat.id, created, chat, origin, outcome))
    else:
        for happening in outcome.happenings:
            # The first is what was asked for, and its push to the asker is the answer.
            pushes.append(Happened(chat.id, happening, chat, origin, outcome))
            origin = None
    if outcome.alert is not None:
        # Also where it was raised before: the answer to that may have been lost, and the push.
        pushes.append(AlertChanged(chat.id, outcome.alert))
    return pushes


def receipt_of(advanced: Advanced, *, origin: object = None) -> ReceiptMoved:
    """What both participants are told of a horizon."""
    return ReceiptMoved(
        advanced.chat_id,
        advanced.reader_id,
        advanced.kind,
        advanced.seq,
        advanced.message_id,
        advanced.at,
        origin,
    )


async def _connect_lane() -> AsyncConnection[Row]:
    connection = await AsyncConnection.connect(
        **conninfo(), autocommit=True, prepare_threshold=0, options=_LANE_OPTIONS
    )
    # One integer type for all values: else each width makes a prepared statement of its own.
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    return connection


_engine: Engine | None = None
_own_stop: Callable[[], None] | None = None
_starting = threading.Lock()


def install(engine: Engine) -> None:
    """Make `engine` the process's own (the server does, at its start)."""
    global _engine
    _engine = engine


def engine() -> Engine:
    """The process's engine; started on a thread of its own where there is no server."""
    global _engine
    with _starting:
        if _engine is None:
            _engine = _start_in_thread()
        return _engine


def stop_own() -> None:
    """Stop the engine that was started here on a thread, if one was."""
    global _engine, _own_stop
    with _starting:
        if _own_stop is not None:
            _own_stop()
            _engine = _own_stop = None


def _start_in_thread() -> Engine:
    global _own_stop
    made = Engine(hub=None)
    ready: Future[asyncio.Event] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        try:
            await made.start()
        except BaseException as error:
            ready.set_exception(error)
            return
        ready.set_result(stop)
        await stop.wait()
        await made.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="engine", daemon=True)
    thread.start()
    stop = ready.result(timeout=ANSWER_SECONDS)
    loop = made.loop
    assert loop is not None

    def stop_thread() -> None:
        loop.call_soon_threadsafe(stop.set)
        thread.join(timeout=ANSWER_SECONDS)

    _own_stop = stop_thread
    return made


def publish(pushes: Sequence[Push]) -> None:
    """Hand pushes to the hub from a thread, after their commit."""
    target = engine()
    if pushes and target.hub is not None and target.loop is not None:
        target.loop.call_soon_threadsafe(target.hub.publish, list(pushes))


def doubt(chat_id: str) -> None:
    """Have this chat looked at, from a thread that told nobody of what it may have changed."""
    target = engine()
    if target.loop is not None:
        target.loop.call_soon_threadsafe(target.doubt, [chat_id])


def online(user_id: str) -> bool:
    """Whether the user has a socket open on this server."""
    hub = engine().hub
    return hub is not None and hub.online(user_id)


Make = Callable[[Callable[[Outcome], None]], Request]


def ask(make: Make) -> Outcome:
    """Submit `make(reply)` from a thread and wait for its outcome; a refusal is raised.

    `make` builds the request around the `reply` it is given. No answer within `ANSWER_SECONDS`
    means that the outcome is unknown.
    """
    return ask_all([make])[0]


def ask_all(makes: Sequence[Make]) -> list[Outcome]:
    """The same for several at once: they gather in their lanes, and the first refusal is raised."""
    target = engine()
    assert target.loop is not None
    let_go()  # a lane that waits for the database must not keep every reader waiting
    futures: list[Future[Outcome]] = []
    for make in makes:
        future: Future[Outcome] = Future()
        futures.append(future)
        target.loop.call_soon_threadsafe(target.submit, make(_resolve(future)))
    outcomes: list[Outcome] = []
    for future in futures:
        try:
            outcome = future.result(timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise Unavailable() from None
        if isinstance(outcome, DomainError):
            raise outcome
        outcomes.append(outcome)
    return outcomes


def _resolve(future: Future[Outcome]) -> Callable[[Outcome], None]:
    def reply(outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    return reply
