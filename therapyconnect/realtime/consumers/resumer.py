"""Resume on a socket: what was missed, in order, and nothing pushed in between lost or doubled."""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec import UNSET

from therapyconnect.core.errors import DomainError, Unavailable
from therapyconnect.core.hub import ReceiptMoved
from therapyconnect.core.ids import role_of
from therapyconnect.messaging.selectors.events import receipts_of, stretch_for
from therapyconnect.messaging.shapes import Receipts
from therapyconnect.realtime import frames
from therapyconnect.realtime.consumers.listener import Listener
from therapyconnect.realtime.events import Arrival
from therapyconnect.realtime.frames import Ref
from therapyconnect.realtime.hub import GOING_AWAY

REPLAY_PAGE: Final = 200
REPLAY_PAUSE_BYTES: Final = 256 * 1024


class Resumer(Listener):
    """A listener that can catch up."""

    async def replay(self, chat_id: str, after_seq: int, ref: Ref | None) -> None:
        """Say everything after `after_seq`, in order, until the stream has nothing newer.

        Pushes of this chat wait for the end of the replay, which reads them from the database.
        """
        self._replaying = chat_id
        try:
            done, receipts, gap = await self._replay_events(chat_id, after_seq)
            for receipt in self._said_meanwhile:
                _include(receipt, receipts)
            self.hub.heed_horizons(chat_id, receipts)
            self._floors[chat_id] = max(done, self._floors.get(chat_id, 0))
            self.say(
                frames.ResumedSaid(
                    last_seq=done,
                    receipts=receipts,
                    gap=gap,
                    chat_id=self.scope_of(chat_id),
                    ref=ref if ref is not None else UNSET,
                )
            )
        except Exception as error:
            self.refuse(error, ref, self.scope_of(chat_id))
            if not isinstance(error, DomainError) or isinstance(error, Unavailable):
                # Broken off in the middle: what came next would leave a hole behind it.
                self.close(GOING_AWAY, "resume")
        finally:
            self._replaying = None
            withheld, self._withheld = self._withheld, {}
            self._said_meanwhile.clear()
        # Covered by the replay unless it was refused; then they are news, in their order.
        for arrival in withheld.values():
            self.arrive(arrival)

    async def _replay_events(self, chat_id: str, after_seq: int) -> tuple[int, Receipts, bool]:
        """Say the events; the number reached, the chat's receipts, and whether there is a gap.

        With a gap none are said: what follows the number reached is pushed, the rest is fetched.
        """
        done = after_seq
        while True:
            page = await self.engine.read(
                stretch_for(
                    viewer=self.principal, chat_id=chat_id, after_seq=done, limit=REPLAY_PAGE
                )
            )
            if page.gap:
                return page.chat.last_seq, receipts_of(page.chat), True
            for happening in page.happenings:
                pushed = self._withheld.pop(happening.seq, None)
                self._retell(Arrival(happening, page.chat), pushed)
                done = happening.seq
            stream = self.hub.stream(chat_id)
            if done >= page.chat.last_seq and (stream is None or done >= (stream.last or 0)):
                return done, receipts_of(page.chat), False
            while self.push.pending_bytes > REPLAY_PAUSE_BYTES and not self.push.closed:
                await asyncio.sleep(0.01)

    def _retell(self, arrival: Arrival, pushed: Arrival | None) -> None:
        """Say an event of a replay; where this socket asked for it meanwhile, as the answer."""
        asked = pushed.asked_by(self) if pushed is not None else None
        if pushed is not None:
            arrival.answer = pushed.answer
        self.tell(arrival, asked)


def _include(receipt: ReceiptMoved, receipts: Receipts) -> None:
    """Raise the horizons to what a receipt said; read implies delivered."""
    own = receipts.therapist if role_of(receipt.reader_id) == "therapist" else receipts.patient
    own.delivered_seq = max(own.delivered_seq, receipt.seq)
    if receipt.kind == "read":
        own.read_seq = max(own.read_seq, receipt.seq)
