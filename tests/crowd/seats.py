"""Sockets of many people: who has which, when each was closed, and with what."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.wire import Socket, frame
from tests.crowd.writers import opened
from tests.harness.server import LiveServer, Pair

AT_ONCE = 40


@dataclass(frozen=True)
class Place:
    """Whose socket: of the `nth` pair's patient or therapist, its kind, and by which session."""

    nth: int
    role: str
    kind: str
    session: str = "first"


class Seat(Socket):
    def __init__(self, server: LiveServer, place: Place, pair: Pair) -> None:
        patient = place.role == "patient"
        user_id = pair.patient_id if patient else pair.therapist_id
        path = f"/ws/chat/{pair.chat_id}/"
        if place.kind == "user":
            path = f"/ws/notifications/{user_id}/"
        token = pair.patient_token if patient else pair.therapist_token
        super().__init__(f"127.0.0.1:{server.port}", path, token)
        self.place = place
        self.closed_at: float | None = None
        self.late: list[str] = []
        """What was said behind the close frame."""
        self.texts: list[str] = []
        self._pong: asyncio.Future[None] | None = None

    def hear(self, text: bytes) -> None:
        said = json.loads(text)
        if self.ended:
            self.late.append(said["type"])
        elif said["type"] in ("chat_message", "new_message"):
            self.texts.append(said["message"]["text"])
        elif said["type"] == "pong" and self._pong is not None:
            self._pong.set_result(None)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._note_end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._note_end()

    def _note_end(self) -> None:
        if self.ended and self.closed_at is None:
            self.closed_at = time.monotonic()

    async def answers(self) -> None:
        """Return once it has heard all that was said to it before."""
        self._pong = asyncio.get_running_loop().create_future()
        self.say(frame(b'{"type":"ping"}'))
        self.flush()
        await asyncio.wait_for(self._pong, 30)


async def take_seats(
    server: LiveServer, sessions: dict[str, Sequence[Pair]], places: Iterable[Place]
) -> list[Seat]:
    """A socket at each place, greeted; `sessions` has the tokens of each session's name."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def take(place: Place) -> Seat:
        async with gate:
            return await opened(Seat(server, place, sessions[place.session][place.nth]), server)

    return await asyncio.gather(*(take(place) for place in places))


async def all_ended(seats: Sequence[Seat], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not all(seat.ended for seat in seats):
        left = Counter(seat.place.kind for seat in seats if not seat.ended)
        assert time.monotonic() < end, f"still open after {seconds} s: {left}"
        await asyncio.sleep(0.02)
