"""Clients that write down what happens to them: a REST client and a device with a socket.

Both behave as a careful client should. An unknown outcome is asked again under the same
`client_message_id`; a socket that ended is opened again and resumed from what the device has.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.acceptance.finals import horizons_of
from tests.acceptance.history import Advancing, History, Kind, Sending, Standing, Told, now
from tests.harness.server import Pair

FUTURE = 10**9
ASK_SECONDS = 12.0


@dataclass
class Run:
    """What all clients of one run share."""

    base: str
    history: History
    seed: int
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody asks for anything new any more."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    """Every sender knows what became of its messages: `last_seq` will not move."""
    ends: dict[str, int] = field(default_factory=dict)
    """chat -> its `last_seq` once settled."""
    quiet_seconds: float = 20.0
    ask_seconds: float = ASK_SECONDS

    def broke(self, what: str) -> None:
        self.history.broken.append(what)

    def random(self, name: str) -> random.Random:
        return random.Random(f"{self.seed} {name}")


def text_of(key: str, dice: random.Random) -> str:
    """A text that nobody else sends."""
    return f"{key} äß🙂 " + "x" * dice.randrange(200)


def person(pair: Pair, side: str) -> tuple[str, str]:
    """(user id, token)."""
    if side == "therapist":
        return pair.therapist_id, pair.therapist_token
    return pair.patient_id, pair.patient_token


class RestClient:
    """One person over REST: sends one after another, and moves horizons now and then."""

    def __init__(
        self, run: Run, name: str, pair: Pair, side: str, *, pace: float, receipts: bool = True
    ) -> None:
        self.run, self.name, self.pair, self.pace = run, name, pair, pace
        self.user_id, token = person(pair, side)
        self.dice = run.random(name)
        self.receipts = receipts
        self._api = httpx.AsyncClient(
            base_url=f"{run.base}/api/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=run.ask_seconds,
        )
        self._last = 0

    async def live(self) -> None:
        """Until the run stops; then until nothing is unknown."""
        async with self._api:
            number = 0
            while not self.run.stop.is_set():
                number += 1
                key = f"{self.name}-{number}"
                await self.send(key, text_of(key, self.dice))
                if self.receipts and number % 4 == 0:
                    await self.advance()
                await asyncio.sleep(self.pace * self.dice.uniform(0.5, 1.5))

    async def send(self, key: str, text: str) -> None:
        """Until it is acked or refused; one in twenty is then sent again."""
        retry = False
        end: float | None = None
        while True:
            outcome = (await self._attempt(key, text, retry=retry)).outcome
            if outcome != "unknown" and (retry or self.dice.random() > 0.05):
                return
            retry = True
            if outcome == "unknown":
                if self.run.stop.is_set():
                    end = end or now() + self.run.quiet_seconds
                    if now() > end:
                        return
                await asyncio.sleep(self.dice.uniform(0.05, 0.3))

    async def _attempt(self, key: str, text: str, *, retry: bool) -> Sending:
        sending = Sending(self.pair.chat_id, self.user_id, key, text, retry, now())
        self.run.history.sendings.append(sending)
        body = {"chat_id": self.pair.chat_id, "text": text, "client_message_id": key}
        answer = await self._ask("POST", "messages/send_message/", body)
        if answer is None:
            return sending
        if answer.status_code in (200, 201):
            sending.ack(Told.of(answer.json()), answer.status_code)
            self._last = max(self._last, answer.json()["seq"])
        else:
            code = answer.json()["errors"][0]["code"]
            sending.refuse(code, answer.status_code)
            self.run.broke(f"a send was refused: {answer.status_code} {code}")
        return sending

    async def advance(self) -> None:
        """Move a horizon: somewhere, somewhere stale, or into the future; and look where it is."""
        up_to = self.dice.randint(0, self._last) if self.dice.random() < 0.8 else FUTURE
        advancing = Advancing(
            self.pair.chat_id, self.user_id, "read", up_to, up_to == FUTURE, now()
        )
        self.run.history.advancings.append(advancing)
        path = f"chats/{self.pair.chat_id}/mark_all_read/"
        answer = await self._ask("POST", path, {"up_to_seq": up_to})
        if answer is not None and answer.status_code == 200:
            advancing.end("acked")
            self._note(answer.json()["receipts"], advancing.asked)
        elif answer is not None:
            advancing.end("refused", answer.json()["errors"][0]["code"])
            if up_to != FUTURE or answer.status_code != 400:
                self.run.broke(f"a receipt was refused: {answer.status_code} {advancing.code}")
        asked = now()
        answer = await self._ask("GET", f"chats/{self.pair.chat_id}/")
        if answer is not None and answer.status_code == 200:
            self._note(answer.json()["receipts"], asked)

    def _note(self, receipts: dict[str, Any], asked: float) -> None:
        seqs: dict[tuple[str, Kind], int] = horizons_of(
            receipts, self.pair.therapist_id, self.pair.patient_id
        )
        self.run.history.standings.append(Standing(self.pair.chat_id, asked, now(), seqs))

    async def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> httpx.Response | None:
        """The answer; None where what came of it is unknown."""
        try:
            answer = await self._api.request(method, path, json=body)
        except httpx.TransportError:
            return None
        if answer.status_code in (429, 503):
            if "retry-after" not in answer.headers:
                self.run.broke(f"{answer.status_code} without Retry-After")
            return None
        if answer.status_code >= 500:
            self.run.broke(f"{method} {path.split('/')[0]}: {answer.status_code} {answer.text}")
            return None
        return answer
