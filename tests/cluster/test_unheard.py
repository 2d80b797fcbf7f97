"""Receipts of chats that nobody hears here: a node hears of all, and keeps none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from therapyconnect.core import clock
from therapyconnect.core.hub import ReceiptMoved
from therapyconnect.core.queries import Reading
from therapyconnect.messaging.selectors.events import Stretch
from therapyconnect.messaging.selectors.positions import Position
from therapyconnect.messaging.shapes import Horizons, Receipts
from therapyconnect.realtime.linked import LinkedHub
from therapyconnect.realtime.notes import Note, ReceiptNote
from therapyconnect.realtime.parcels import Packer
from therapyconnect.realtime.wire import Take

THERAPIST, PATIENT = "t_abc123", "p_xyz789"
CHAT = f"CHAT_{THERAPIST}_{PATIENT}"
UNHEARD = [f"CHAT_{THERAPIST}_p_u{n:05}" for n in range(1_000)]


class _Silence:
    """A wire that carries nothing."""

    most = 7_500

    def start(self, take: Take, *, listening: Callable[[], None]) -> None: ...
    def send(self, parcels: Sequence[bytes]) -> None: ...
    def reconnect(self) -> None: ...
    async def stop(self) -> None: ...


class _Ear:
    """A socket that notes the horizons it is told."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.told: list[int] = []

    def hear_receipt(self, receipt: ReceiptMoved) -> None:
        self.told.append(receipt.seq)

    def _other(self, *_: Any, **__: Any) -> None: ...

    arrive = hear_typing = hear_presence = hear_alert = _other
    hear_attachment = hear_notification = close = _other


class _Node:
    """A hub on its own, and another node that tells it of receipts."""

    def __init__(self) -> None:
        self.hub = LinkedHub(_nothing_new, read_row=_nothing, wire=_Silence())
        self._packer = Packer("other")

    def hears(self, *receipts: tuple[str, int]) -> None:
        told: list[Note] = [
            ReceiptNote(chat_id, PATIENT, "read", seq, None, clock.now())
            for chat_id, seq in receipts
        ]
        for parcel in self._packer.pack(told, most=60_000):
            self.hub.receive(parcel)

    @property
    def kept(self) -> int:
        return len(self.hub._horizons)


async def _nothing_new(chat_id: str, after_seq: int) -> Stretch | None:
    return None


async def _nothing(reading: Reading[Any]) -> Any:
    return []


def _on_a_loop(test: Callable[[_Node], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await test(_Node())

    asyncio.run(run())


def test_of_chats_that_nobody_hears_nothing_is_kept() -> None:
    async def test(node: _Node) -> None:
        node.hears(*((chat_id, 3) for chat_id in UNHEARD))
        assert node.kept == 0
        # Nor of what happens here: a receipt by REST, or a resume whose socket went meanwhile.
        node.hub.publish(
            [ReceiptMoved(id, PATIENT, "read", 3, None, clock.now()) for id in UNHEARD]
        )
        node.hub.heed_horizons(CHAT, Receipts(therapist=Horizons(1, 1), patient=Horizons(7, 5)))
        assert node.kept == 0

    _on_a_loop(test)


def test_who_hears_a_chat_is_told_no_horizon_that_goes_back() -> None:
    async def test(node: _Node) -> None:
        ear = _Ear(THERAPIST)
        node.hub.join_chat(ear, CHAT)
        node.hub.start_chat(CHAT, 9, None)
        node.hears((CHAT, 5), (UNHEARD[0], 5), (CHAT, 4), (CHAT, 6))
        node.hears((CHAT, 5))
        assert ear.told == [5, 6]
        assert node.kept == 1
        node.hub.leave_chat(ear, CHAT)
        node.hears((CHAT, 7))
        assert node.kept == 0

    _on_a_loop(test)


def test_a_user_socket_misses_none_of_its_chats() -> None:
    """From the moment at which it joins, before it was read which chats there are."""

    async def test(node: _Node) -> None:
        ear = _Ear(THERAPIST)
        node.hub.join_user(ear)
        node.hears((CHAT, 2), (CHAT, 1))
        assert ear.told == [2]
        node.hub.start_user(THERAPIST, [Position(CHAT, 9, None)])
        made = UNHEARD[0]  # since then
        node.hears((CHAT, 3), (CHAT, 2), (made, 1))
        assert ear.told == [2, 3, 1]
        node.hub.leave_user(ear)
        assert node.kept == 0

    _on_a_loop(test)
