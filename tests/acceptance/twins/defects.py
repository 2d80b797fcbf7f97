"""The defects. Each replaces as little as it can, and says which promise it breaks."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection as django_connection

from therapyconnect.core.hub import Happened, Push
from therapyconnect.core.ids import MessageRef, parse_chat_id
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.services import (
    amendments,
    batch,
    engine,
    judging,
    lanes,
    statements,
    waiting,
)
from therapyconnect.messaging.services.ledger import Ledger
from therapyconnect.messaging.services.requests import Request
from therapyconnect.messaging.services.roundtrip import RoundTrip
from therapyconnect.ops import checkup
from therapyconnect.realtime.consumers.base import Consumer
from therapyconnect.realtime.consumers.chat import ChatConsumer
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.streams import ChatStream
from therapyconnect.realtime.watch import SessionWatch

LATE_SECONDS = 0.1


def replace(owner: Any, name: str, new: Any) -> None:
    """Put a defect in the place of what is there; the product must still have it."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, new)


def ack_before_commit() -> None:
    """Answers from the transaction, which is committed a little later (breaks G1 and G2)."""
    open_ledger, write = batch._open_ledger, batch._write
    owed: dict[Any, asyncio.Task[None]] = {}

    class Uncommitted(RoundTrip):
        def add(self, name: str, *params: bytes) -> Any:
            return [] if name == "commit" else super().add(name, *params)

    async def commit(connection: Any) -> None:
        await asyncio.sleep(LATE_SECONDS)
        await connection.execute("COMMIT")

    async def write_only(connection: Any, ledger: Any) -> None:
        await write(connection, ledger)
        owed[connection] = asyncio.create_task(commit(connection))

    async def open_after(connection: Any, *rest: Any) -> Any:
        if (task := owed.pop(connection, None)) is not None:
            await task
        return await open_ledger(connection, *rest)

    replace(batch, "RoundTrip", Uncommitted)
    replace(batch, "_write", write_only)
    replace(batch, "_open_ledger", open_after)


def asynchronous_commit() -> None:
    """The lanes do not wait for the disk (breaks G2)."""
    options = engine._LANE_OPTIONS.replace("synchronous_commit=on", "synchronous_commit=off")
    replace(engine, "_LANE_OPTIONS", options)


def no_idempotency() -> None:
    """Writes every attempt as a message of its own (breaks G3 and G16)."""
    migrate = checkup.migrate

    def migrate_and_allow() -> None:
        migrate()
        with django_connection.cursor() as cursor:
            cursor.execute(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'messaging_message'"
                " AND indexdef LIKE '%client_message_id%'"
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE messaging_message DROP CONSTRAINT IF EXISTS "{name}"')
                cursor.execute(f'DROP INDEX IF EXISTS "{name}"')

    replace(checkup, "migrate", migrate_and_allow)
    replace(Ledger, "_repeated", lambda *_: None)


def burnt_numbers() -> None:
    """Takes the number first, as `nextval` does: a repeated send burns one (breaks G4)."""
    send = Ledger.send

    def burn(self: Ledger, request: Any, book: Any, side: Any) -> Any:
        outcome = send(self, request, book, side)
        if isinstance(outcome, MessageRef) or not getattr(outcome, "created", True):
            book.access.last_seq += 1
            book.touched = True
        return outcome

    replace(Ledger, "send", burn)


def counter_without_lock() -> None:
    """Any lane takes any chat, and none locks it: two take the same number (breaks G4)."""
    replace(statements, "LOCK_SQL", statements.LOCK_SQL.replace("FOR NO KEY UPDATE", ""))
    replace(lanes, "CROWD", 1)
    take, release = waiting.WaitingRoom.take, waiting.WaitingRoom.release

    def take_and_let_go(self: waiting.WaitingRoom) -> list[Request]:
        batch = take(self)
        release(self, batch)
        return batch

    replace(waiting.WaitingRoom, "take", take_and_let_go)
    replace(waiting.WaitingRoom, "release", lambda self, batch: None)


def replay_before_subscribe() -> None:
    """A chat socket reads what it missed, and only then begins to listen (breaks G5).

    A busy server takes its time between the two; this one always does, else a run in which
    nothing was sent at that moment would show nothing.
    """
    replay = Consumer.replay

    async def join(self: ChatConsumer) -> None:
        access = await self.engine.read(access_chat(viewer=self.principal, chat_id=self.chat_id))
        self.stream = ChatStream(
            self.chat_id,
            read=self.hub._read,
            deliver=lambda _: None,
            late=lambda _: None,
            stood=lambda _: None,
            lost=lambda _: None,
        )
        self.stream.start(access.last_seq)

    async def replay_first(self: Any, chat_id: str, after_seq: int, ref: Any) -> None:
        await replay(self, chat_id, after_seq, ref)
        if isinstance(self, ChatConsumer):
            await asyncio.sleep(LATE_SECONDS)
            access = await self.engine.read(access_chat(viewer=self.principal, chat_id=chat_id))
            self.stream = self.hub.join_chat(self, chat_id)
            self.stream.start(access.last_seq)

    replace(ChatConsumer, "join", join)
    replace(Consumer, "replay", replay_first)


def push_without_cursor() -> None:
    """One push in twenty is lost, and no stream looks at the numbers (breaks G5)."""
    publish = MemoryHub.publish
    turn = itertools.count(1)

    def lossy(self: MemoryHub, pushes: Sequence[Push]) -> None:
        publish(
            self,
            [p for p in pushes if not isinstance(p, Happened) or next(turn) % 20],
        )

    def blind(self: ChatStream, arrival: Any) -> None:
        self.last = max(self.last or 0, arrival.seq)
        self._deliver(arrival)

    replace(MemoryHub, "publish", lossy)
    replace(ChatStream, "push", blind)


def horizon_goes_back() -> None:
    """The latest receipt wins, however stale (breaks G6)."""
    advance = judging.advance

    def obey(ledger: Ledger, request: Any, book: Any, side: Any) -> Any:
        outcome = advance(ledger, request, book, side)
        if request.up_to is not None:
            if request.kind == "read":
                setattr(book.access, f"{side}_read_seq", request.up_to)
            setattr(book.access, f"{side}_delivered_seq", request.up_to)
            book.recount.add(side)
            book.touched = True
        return outcome

    replace(judging, "advance", obey)


def counter_drifts() -> None:
    """Unread is counted up, and never recounted (breaks G7)."""
    advance = judging.advance

    def keep_counting(ledger: Ledger, request: Any, book: Any, side: Any) -> Any:
        outcome = advance(ledger, request, book, side)
        book.recount.clear()
        return outcome

    replace(judging, "advance", keep_counting)


def edit_lost_in_a_race() -> None:
    """Of two edits of one message in one batch only the last is kept; both are acked (G8)."""
    reword = amendments._reword

    def careless(ledger: Ledger, request: Any, book: Any, target: Any, **words: Any) -> Any:
        place = (book.access.id, target.message.seq)
        raced = any(version[:2] == place for version in ledger.versions)
        changed = reword(ledger, request, book, target, **words)
        if raced:
            ledger.versions.pop()
        return changed

    replace(amendments, "_reword", careless)


def deleted_text_shown() -> None:
    """Who deletes is answered with the words that they took back (breaks G11)."""
    note = amendments._note

    def keep_words(
        ledger: Ledger, request: Any, book: Any, target: Any, *kind: Any, **changes: Any
    ) -> Any:
        if "deleted_by" in changes and changes["deleted"]:
            del changes["text"]
        return note(ledger, request, book, target, *kind, **changes)

    replace(amendments, "_note", keep_words)


def leak_to_an_outsider() -> None:
    """Now and then somebody else's user socket hears a chat too (breaks G10)."""
    hearing = MemoryHub._hearing
    turn = itertools.count(1)

    def generous(self: MemoryHub, chat_id: str) -> Any:
        sockets = hearing(self, chat_id)
        if next(turn) % 20 == 0:
            sockets += [
                socket
                for user_id, user in self._users.items()
                if user_id not in (parse_chat_id(chat_id) or ())
                for socket in user.sockets
            ][:1]
        return sockets

    replace(MemoryHub, "_hearing", generous)


def socket_left_open() -> None:
    """Nobody looks whether the session of a socket still lives (breaks G9)."""

    async def look_away(*_: Any) -> None:
        return None

    replace(SessionWatch, "_close_ended", look_away)


DEFECTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    **{
        defect.__name__: defect
        for defect in (
            ack_before_commit,
            asynchronous_commit,
            no_idempotency,
            burnt_numbers,
            counter_without_lock,
            replay_before_subscribe,
            push_without_cursor,
            horizon_goes_back,
            counter_drifts,
            edit_lost_in_a_race,
            deleted_text_shown,
            leak_to_an_outsider,
            socket_left_open,
        )
    },
}
