"""What all clients of a run share, and the client that speaks REST.

Clients write down what happens to them, and behave as a careful client should. A send whose
outcome is unknown is asked again under the same `client_message_id`; a socket that ended is opened
again and resumed from what the device has.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from tests.acceptance.finals import TLS, horizons_of
from tests.acceptance.history import History
from tests.acceptance.records import (
    Advancing,
    Change,
    Changing,
    Kind,
    Reading,
    Sending,
    Standing,
    Told,
    now,
)
from tests.harness.server import Pair

FUTURE = 10**9
ASK_SECONDS = 12.0
RECENT = 12
BUSY = ("unavailable", "overloaded", "stopping", "throttled", "rate_limited")
"""Refusals that mean: later."""
HONEST = ("message_deleted", "edit_window_closed")
"""Why a change may be refused: another device was quicker, or it is too late."""


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
    begins: dict[str, int] = field(default_factory=dict)
    """chat -> its `last_seq` before anybody spoke: what is up to there is not judged."""
    ends: dict[str, int] = field(default_factory=dict)
    """chat -> its `last_seq` once settled."""
    said: dict[tuple[str, str], deque[str]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=RECENT))
    )
    """(chat, sender) -> the ids of what was acknowledged last: several devices amend the same."""
    tag: str = field(default_factory=lambda: secrets.token_hex(3))
    """In the key of each message: two runs may use one chat, and one seed."""
    _marks: dict[str, str] = field(default_factory=dict)
    quiet_seconds: float = 20.0
    ask_seconds: float = ASK_SECONDS
    revoked_seconds: float = 5.0
    """Within which nothing is left of a session that was ended."""
    restored: bool = False
    """The installation came from a backup: a device may be told once to begin afresh."""

    def broke(self, what: str) -> None:
        self.history.broken.append(what)

    def random(self, name: str) -> Random:
        return Random(f"{self.seed} {name}")

    def text(self, chat_id: str, key: str) -> str:
        """A harmless text that nobody else sends, and that nobody outside the chat may hear."""
        dice = self.random(key)
        return f"reliability check {self.mark(chat_id)} {key} äß🙂 " + "x" * dice.randrange(200)

    def mark(self, chat_id: str) -> str:
        """In every text of the chat, and nowhere else."""
        if chat_id not in self._marks:
            self._marks[chat_id] = secrets.token_hex(8)
        return self._marks[chat_id]

    def held(self, text: str, chat_ids: Iterable[str]) -> list[str]:
        """Those of the chats from which something is in `text`."""
        return [chat_id for chat_id in chat_ids if self.mark(chat_id) in text]

    def choose_change(
        self, chat_id: str, user_id: str, dice: Random, kinds: Sequence[Change]
    ) -> Changing | None:
        """Something to do with one of the last messages of a user; None where there is none."""
        said = self.said[(chat_id, user_id)]
        if not said:
            return None
        return self.change(chat_id, user_id, dice.choice(said), dice.choice(kinds))

    def change(self, chat_id: str, user_id: str, message_id: str, kind: Change) -> Changing:
        number = len(self.history.changings)
        text = self.text(chat_id, f"other words {number}") if kind == "edit" else None
        changing = Changing(chat_id, user_id, message_id, kind, text, now())
        self.history.changings.append(changing)
        return changing

    def refused(self, changing: Changing, code: str) -> None:
        """Note why a change was refused; whether that was right, the checker says."""
        changing.refuse(code)
        if code not in HONEST and code not in BUSY:
            self.broke(f"a change was refused: {changing.kind} {code}")


def person(pair: Pair, side: str) -> tuple[str, str]:
    """(user id, token)."""
    if side == "therapist":
        return pair.therapist_id, pair.therapist_token
    return pair.patient_id, pair.patient_token


KINDS: tuple[Change, ...] = ("edit", "edit", "delete", "restore")


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
            verify=TLS,
        )
        self._last = run.begins.get(pair.chat_id, 0)
        self._wait = 0.0
        """Seconds, where the server said how long."""

    async def live(self) -> None:
        """Until the run stops; then until nothing is unknown."""
        async with self._api:
            number = 0
            while not self.run.stop.is_set():
                number += 1
                key = f"{self.run.tag}-{self.name}-{number}"
                await self.send(key, self.run.text(self.pair.chat_id, key))
                if self.receipts and number % 4 == 0:
                    await self.advance()
                if self.dice.random() < 0.3:
                    await self.amend()
                if self.dice.random() < 0.4:
                    await self.read()
                await asyncio.sleep(self.pace * self.dice.uniform(0.5, 1.5))
            await self._put_back()

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
                await asyncio.sleep(max(self._wait, self.dice.uniform(0.05, 0.3)))

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
            self.run.said[(self.pair.chat_id, self.user_id)].append(answer.json()["id"])
        else:
            code = answer.json()["errors"][0]["code"]
            sending.refuse(code, answer.status_code)
            self.run.broke(f"a send was refused: {answer.status_code} {code}")
        return sending

    async def amend(self) -> None:
        """Edit, delete or restore one of the person's last messages, whichever device sent it."""
        changing = self.run.choose_change(self.pair.chat_id, self.user_id, self.dice, KINDS)
        if changing is not None:
            await self._change(changing)

    async def _change(self, changing: Changing) -> None:
        body = {} if changing.text is None else {"text": changing.text}
        path = f"messages/{changing.message_id}/{changing.kind}_message/"
        answer = await self._ask("POST", path, body)
        if answer is None:
            return
        if answer.status_code == 200:
            told = Told.of(answer.json())
            changing.ack(told.changed_seq, told)
        else:
            self.run.refused(changing, answer.json()["errors"][0]["code"])

    async def _put_back(self) -> None:
        """Restore most of what was deleted, for only then its history can be read."""
        mine = {
            c.message_id
            for c in self.run.history.changings
            if c.kind == "delete" and (c.chat_id, c.user_id) == (self.pair.chat_id, self.user_id)
        }
        for message_id in sorted(mine):
            if self.dice.random() < 0.75:
                changing = self.run.change(self.pair.chat_id, self.user_id, message_id, "restore")
                await self._change(changing)

    async def read(self) -> None:
        """Ask for a message of either, by its id."""
        ids = [
            message_id
            for user_id in (self.pair.therapist_id, self.pair.patient_id)
            for message_id in self.run.said[(self.pair.chat_id, user_id)]
        ]
        if not ids:
            return
        asked, message_id = now(), self.dice.choice(ids)
        answer = await self._ask("GET", f"messages/{message_id}/")
        if answer is not None and answer.status_code == 200:
            told = Told.of(answer.json())
            self.run.history.readings.append(Reading(self.pair.chat_id, asked, told))
        elif answer is not None:
            self.run.broke(f"a reading was refused: {answer.status_code}")

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
        self._wait = 0.0
        try:
            answer = await self._api.request(method, path, json=body)
        except httpx.TransportError:
            return None
        if answer.status_code in (429, 503):
            if "retry-after" not in answer.headers:
                self.run.broke(f"{answer.status_code} without Retry-After")
            elif answer.status_code == 429:
                self._wait = float(answer.headers["retry-after"])
            return None
        if answer.status_code >= 500:
            self.run.broke(f"{method} {path.split('/')[0]}: {answer.status_code} {answer.text}")
            return None
        return answer
