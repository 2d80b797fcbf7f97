"""The hub of one process among several: what happens in one is heard in all.

The others are told ids over a wire, after the commit; the database stays the truth. A wire may lose
a note or go deaf: each node beats every two seconds and hears its own beat. Where it does not, it
listens anew, and meanwhile looks in the database for what it was not told of; so it does each time
that it begins to listen.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from therapyconnect.core import clock
from therapyconnect.core.hub import AlertChanged, Notified, Push, ReceiptMoved, Typing, Unsure
from therapyconnect.core.ids import AttachmentRef, parse_attachment_id, role_of
from therapyconnect.core.queries import Reading
from therapyconnect.crisis.selectors import learn_whereabouts_of
from therapyconnect.messaging.selectors.attachments import attachment_change
from therapyconnect.messaging.selectors.behind import alerts_changed, chats_behind, chats_of
from therapyconnect.messaging.shapes import Receipts
from therapyconnect.notifications.selectors import notification_by_id, notifications_since
from therapyconnect.realtime import notes
from therapyconnect.realtime.audience import Socket
from therapyconnect.realtime.bulletins import Bulletins
from therapyconnect.realtime.horizons import HorizonBoard
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.realtime.nodes import Nodes, Roll
from therapyconnect.realtime.order import Order
from therapyconnect.realtime.parcels import Packer, unpack
from therapyconnect.realtime.streams import ReadEvents
from therapyconnect.realtime.wire import Wire

log = structlog.get_logger("therapyconnect.realtime.linked")

BEAT_SECONDS: Final = 2.0
DEAF_SECONDS: Final = 6.0
POLL_BEATS: Final = 2
"""A look into the database each so many beats, and at every one while deaf.

Guarantee G9: a block closes sockets within five seconds on every node, also where its note is lost
before anyone knows that the broker is silent. So the time between two looks stays below that.
"""
LOOK_CHUNK: Final = 2_000
LOOK_BACK: Final = timedelta(seconds=15)
"""Before the last look that succeeded: commits take time, and clocks differ."""

Read = Callable[[Reading[Any]], Awaitable[Any]]


class LinkedHub(MemoryHub):
    """On the loop only. `read_row` runs a selector; `wire` carries the notes."""

    def __init__(self, read: ReadEvents, *, read_row: Read, wire: Wire) -> None:
        super().__init__(read)
        self.node = secrets.token_hex(6)
        self._read_row = read_row
        self._wire = wire
        self._packer = Packer(self.node)
        self._order = Order(clock.now().timestamp())
        self._nodes = Nodes(changed=self._elsewhere)
        self._horizons = HorizonBoard()
        self._bulletins = Bulletins()
        self._here: dict[str, set[Socket]] = {}
        """Of each user, the sockets that were let in here."""
        self._roll = Roll()
        self._generation = 0
        self._heard_self = 0.0
        self._listened = 0.0
        self._was_deaf = False
        self._asked_for_list = False
        self._looking: asyncio.Task[None] | None = None
        self._look_again = False
        self._looked = clock.now() - LOOK_BACK
        self._untold: list[notes.Note] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._heard_self = self._listened = time.monotonic()
        self._wire.start(self.receive, listening=self._look_now)
        self._spawn(self._beat())

    async def stop(self) -> None:
        self._tell([notes.ByeNote()])
        self._flush()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wire.stop()

    # --- what happens here --------------------------------------------------------------------

    def publish(self, pushes: Sequence[Push]) -> None:
        super().publish(pushes)
        self._tell([notes.note_of(push) for push in pushes])

    def _publish(self, push: Push) -> None:
        if isinstance(push, ReceiptMoved):
            # Of all chats of all nodes some come: of those that nobody hears here nothing is kept.
            if self._stream_of(push.chat_id) is None or not self._horizons.advances(push):
                return
        elif isinstance(push, Notified) and not self._bulletins.tells(push):
            return
        super()._publish(push)

    def heed_horizons(self, chat_id: str, receipts: Receipts) -> None:
        if self._stream_of(chat_id) is not None:  # the socket may have gone while it was read
            self._horizons.note(chat_id, receipts)

    def _drop(self, chat_id: str) -> None:
        super()._drop(chat_id)
        self._horizons.forget(chat_id)

    def type(self, typing: Typing) -> None:
        super().type(typing)
        if self._open_between(typing.chat_id):
            # When it expires the others know by themselves.
            self._tell([notes.TypingNote(typing.chat_id, typing.user_id, typing.is_typing)])

    def came(self, socket: Socket, chat_ids: Iterable[str]) -> None:
        super().came(socket, chat_ids)
        self._here.setdefault(socket.user_id, set()).add(socket)
        if self._roll.add(socket.user_id):
            self._bulletins.came(socket.user_id)
            self._tell([notes.PresenceNote(socket.user_id, True)])

    def gone(self, socket: Socket) -> None:
        super().gone(socket)
        here = self._here.get(socket.user_id)
        if here is None or socket not in here:
            return  # it was refused, and never came
        here.discard(socket)
        if not here:
            del self._here[socket.user_id]
            self._roll.discard(socket.user_id)
            self._bulletins.left(socket.user_id)
            self._tell([notes.PresenceNote(socket.user_id, False)])

    def _tell(self, said: Sequence[notes.Note]) -> None:
        """Send with what else is told in this turn of the loop."""
        if not self._untold and said:
            asyncio.get_running_loop().call_soon(self._flush)
        self._untold.extend(said)

    def _flush(self) -> None:
        said, self._untold = self._untold, []
        if said:
            gathered = notes.gather(said)
            self._wire.send([*self._packer.pack(gathered, most=self._wire.most)])

    # --- what happened elsewhere --------------------------------------------------------------

    def receive(self, raw: bytes) -> None:
        """A parcel from the wire; one's own says only that one hears."""
        parcel = unpack(raw)
        if parcel is None:
            log.warning("hub.parcel_unread")
            return
        if not self._order.accepts(parcel):
            return
        if parcel.node == self.node:
            self._heard_self = time.monotonic()
            return
        self._nodes.hear(parcel.node, time.monotonic())
        for note in parcel.notes:
            try:
                self._take(parcel.node, note)
            except Exception:
                log.error("hub.note_broke", exc_info=True, note=type(note).__name__)

    def _take(self, node: str, note: notes.Note) -> None:
        if isinstance(note, notes.EventNote):
            stream = self._stream_of(note.chat_id)
            if stream is not None:
                stream.expect(note.seq)
        elif isinstance(note, notes.ReceiptNote):
            self._publish(
                ReceiptMoved(
                    note.chat_id, note.reader_id, note.kind, note.seq, note.message_id, note.at
                )
            )
        elif isinstance(note, notes.TypingNote):
            super().type(Typing(note.chat_id, note.user_id, note.is_typing))
        elif isinstance(note, notes.UnsureNote):
            self._publish(Unsure(note.chat_id))
        elif isinstance(note, notes.AlertNote):
            self._publish(AlertChanged(note.alert.chat_id, note.alert))
        elif isinstance(note, notes.AttachmentNote):
            ref = parse_attachment_id(note.attachment_id)
            if ref is not None and self._stream_of(ref.chat_id) is not None:
                self._spawn(self._tell_attachment(ref))
        elif isinstance(note, notes.NotifiedNote):
            if note.user_id in self._users:
                self._spawn(self._tell_notification(note))
        else:
            self._take_presence(node, note)

    def _take_presence(self, node: str, note: notes.Note) -> None:
        if isinstance(note, notes.PresenceNote):
            self._nodes.note(node, note.user_id, online=note.online)
        elif isinstance(note, notes.BeatNote):
            if not self._nodes.agrees(node, note):
                self._tell([notes.AskNote(node)])
        elif isinstance(note, notes.AskNote):
            # Answered with the next beat, once for all that ask: everyone hears it.
            self._asked_for_list = self._asked_for_list or note.node == self.node
        elif isinstance(note, notes.PresentNote):
            self._nodes.take(node, note)
        elif isinstance(note, notes.ByeNote):
            self._nodes.lose(node)

    def _elsewhere(self, node: str, user_id: str, online: bool) -> None:
        if online:
            self._presence.came(user_id, node)
        else:
            self._presence.gone(user_id, node)

    async def _tell_attachment(self, ref: AttachmentRef) -> None:
        try:
            change = await self._read_row(attachment_change(ref))
        except Exception as error:
            log.warning("hub.attachment_unread", error=type(error).__name__)
            return
        if change is not None:
            self._publish(change)

    async def _tell_notification(self, note: notes.NotifiedNote) -> None:
        try:
            found = await self._read_row(
                notification_by_id(note.notification_id, user_id=note.user_id)
            )
        except Exception as error:
            log.warning("hub.notification_unread", error=type(error).__name__)
            return
        if found is not None:
            self._publish(Notified(note.user_id, found))

    # --- the beat -----------------------------------------------------------------------------

    async def _beat(self) -> None:
        beats = 0
        while True:
            try:
                self._beat_once(look=beats % POLL_BEATS == 0)
            except Exception:
                # Without a beat the others would take this node for dead.
                log.error("hub.beat_broke", exc_info=True)
            beats += 1
            await asyncio.sleep(BEAT_SECONDS)

    def _beat_once(self, *, look: bool) -> None:
        now = time.monotonic()
        deaf = self._deaf(now)
        if deaf:
            self._was_deaf = True
        elif self._was_deaf:
            # Nobody was heard: that says nothing of them. From now on they have their time.
            self._was_deaf = False
            self._nodes.hear_all(now)
        else:
            self._nodes.expire(now)
        if self._asked_for_list:
            self._asked_for_list = False
            self._generation += 1
            self._tell(notes.present(sorted(self._roll.users), generation=self._generation))
        self._tell([notes.BeatNote(len(self._roll.users), self._roll.digest)])
        if deaf or look:
            self._look_now()

    def _deaf(self, now: float) -> bool:
        """Whether one's own beats stay unheard; then the wire is told to listen anew."""
        if now - self._heard_self <= DEAF_SECONDS:
            return False
        if now - self._listened > DEAF_SECONDS:
            log.warning("hub.deaf", seconds=round(now - self._heard_self))
            self._listened = now
            self._wire.reconnect()
        return True

    def _look_now(self) -> None:
        """Begin a look; one under way is followed by another, as it may have read already."""
        if self._looking is not None and not self._looking.done():
            self._look_again = True
        else:
            self._looking = self._spawn(self._look_while_asked())

    async def _look_while_asked(self) -> None:
        self._look_again = True
        while self._look_again:
            self._look_again = False
            await self._look()

    async def _look(self) -> None:
        """Read what happened to the chats and people that are here, whoever failed to say so."""
        began = clock.now()
        try:
            known = await self._known()
            chat_ids = sorted(known)
            for at in range(0, len(chat_ids), LOOK_CHUNK):
                asked = chat_ids[at : at + LOOK_CHUNK]
                behind = await self._read_row(chats_behind({i: known[i] for i in asked}))
                for chat_id, last_seq in behind.items():
                    if (stream := self._stream_of(chat_id)) is not None:
                        stream.expect(last_seq)
                for alert in await self._read_row(alerts_changed(asked, since=self._looked)):
                    self._publish(AlertChanged(alert.chat_id, alert))
            await self._look_at_people(sorted(self._roll.users))
            self._looked = began - LOOK_BACK
        except Exception as error:
            log.warning("hub.look_failed", error=type(error).__name__)

    async def _look_at_people(self, user_ids: Sequence[str]) -> None:
        for at in range(0, len(user_ids), LOOK_CHUNK):
            asked = user_ids[at : at + LOOK_CHUNK]
            for user_id, told in await self._read_row(
                notifications_since(asked, since=self._looked)
            ):
                if self._bulletins.missed(user_id, told):
                    self._publish(Notified(user_id, told))
            patients = [user_id for user_id in asked if role_of(user_id) == "patient"]
            await self._read_row(learn_whereabouts_of(patients))
        self._bulletins.forget_before(self._looked)

    async def _known(self) -> dict[str, int]:
        """The chats that are heard here and how far each is; 0 for one that was made elsewhere."""
        known: dict[str, int] = {}
        users = sorted(user_id for user_id, user in self._users.items() if user.opened)
        for at in range(0, len(users), LOOK_CHUNK):
            for chat_id in await self._read_row(chats_of(users[at : at + LOOK_CHUNK])):
                known[chat_id] = 0
        for chat_id, stream in self._streams.items():
            if stream.last is not None:
                known[chat_id] = stream.last
        return known

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
