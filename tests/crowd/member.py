"""One of a crowd: a user socket that comes back as a good client does, and resumes from its cursor.

Cheap on purpose, so that one process holds ten thousand: no task of its own while it is connected.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from bench.wire import Socket, frame
from tests.harness.server import LiveServer, Pair

# Each address has so many ports of its own to come from, and a closed one is busy for a minute.
SOURCES = 32
BACKOFF_FIRST, BACKOFF_MOST = 0.5, 4.0
GREETING_SECONDS = 60.0

_numbers = iter(range(10**9))


@dataclass
class Tally:
    """What a crowd met at the door, by kind: `503`, `refused`, `reset`, `late`."""

    met: Counter[str] = field(default_factory=Counter)
    without_advice: int = 0
    """Answers 503 or 429 that did not say when to come again."""
    resumed: list[float] = field(default_factory=list)
    """Seconds from `began` until each was resumed."""
    began: float = 0.0

    def begin(self) -> None:
        self.began = time.perf_counter()
        self.met.clear()
        self.resumed.clear()
        self.without_advice = 0

    def now(self) -> float:
        """Seconds since `begin`."""
        return time.perf_counter() - self.began


class Link(Socket):
    """One connection of a member."""

    def __init__(self, member: Member, server: LiveServer) -> None:
        path = f"/ws/notifications/{member.user_id}/"
        super().__init__(f"127.0.0.1:{server.port}", path, member.token)
        self._member = member
        self.given_up = False

    def greeted(self, text: bytes) -> None:
        self._member.greeted(self)

    def hear(self, text: bytes) -> None:
        self._member.hear(text)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._member.lost(self)

    def ask(self, **fields: object) -> None:
        self.say(frame(json.dumps(fields).encode()))
        self.flush()

    def give_up(self) -> None:
        """Nobody waits for its greeting any more."""
        self.given_up = True
        self.opened.add_done_callback(lambda opened: opened.exception())
        self.cut()

    def cut(self) -> None:
        """Gone without a word."""
        if self._transport is not None:
            self._transport.abort()


class Member:
    """A user of one chat. `cursor` is the number of the last event heard.

    Where it has something `to_send`, it sends that with one id until it has heard it back.
    """

    def __init__(self, server: LiveServer, pair: Pair, tally: Tally, *, therapist: bool) -> None:
        self.server = server
        self.chat_id = pair.chat_id
        self.user_id = pair.therapist_id if therapist else pair.patient_id
        self.token = pair.therapist_token if therapist else pair.patient_token
        self.tally = tally
        self.cursor = 0
        self.heard: Counter[str] = Counter()
        self.faults: list[str] = []
        self.stays = True
        """Whether it comes back by itself."""
        self.to_send: str | None = None
        self.awaited: str | None = None
        self.link: Link | None = None
        self.resumed = False
        self.settled = asyncio.Event()
        """Resumed, and the awaited message was heard."""
        self._again: asyncio.Task[None] | None = None
        self._source = f"127.0.8.{1 + next(_numbers) % SOURCES}"

    # --- coming -------------------------------------------------------------------------------

    async def come(self, window: float) -> None:
        """Be back: full jitter within `window`, and within a growing one after each failure."""
        await asyncio.sleep(random.uniform(0, window))
        tries = 0
        while not await self._connect():
            tries += 1
            most = min(BACKOFF_MOST, BACKOFF_FIRST * 2**tries)
            await asyncio.sleep(self._advised * random.uniform(1, 1.25) or random.uniform(0, most))

    async def _connect(self) -> bool:
        """Whether the socket was opened and greeted; what came instead is counted."""
        self._advised = 0.0
        loop = asyncio.get_running_loop()
        link = Link(self, self.server)
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                await loop.create_connection(
                    partial(_same, link), "127.0.0.1", self.server.port,
                    local_addr=(self._source, 0),
                )  # fmt: skip
                await asyncio.shield(link.opened)
        except ConnectionRefusedError:
            self.tally.met["refused"] += 1
        except TimeoutError:
            self.tally.met["late"] += 1
            link.give_up()
        except ConnectionError as error:
            self._refused(str(error))
        else:
            return True
        return False

    def _refused(self, said: str) -> None:
        status = re.match(r"HTTP/1\.1 (\d+)", said)
        self.tally.met[status[1] if status else "reset"] += 1
        if status is None:
            return
        advice = re.search(r"(?i)^retry-after: (\d+)", said, re.MULTILINE)
        if advice is not None:
            self._advised = float(advice[1])
        elif status[1] in ("429", "503"):
            self.tally.without_advice += 1

    def greeted(self, link: Link) -> None:
        if link.given_up:
            return
        self.link, self.resumed = link, False
        link.ask(type="resume", chats={self.chat_id: self.cursor})

    # --- being there --------------------------------------------------------------------------

    def hear(self, text: bytes) -> None:
        said = json.loads(text)
        kind = said["type"]
        if kind in ("new_message", "chat_message"):
            self._message(said["message"])
        elif kind == "resumed":
            self.resumed = True
            self.tally.resumed.append(self.tally.now())
            if said.get("gap"):
                self.faults.append("gap")
            if said["last_seq"] != self.cursor:
                self.faults.append(f"resumed to {said['last_seq']} at {self.cursor}")
            self.send()
            self._judge()
        elif kind == "error":
            self.tally.met[said["code"]] += 1

    def send(self) -> None:
        if self.link is None or self.to_send is None:
            return
        self.link.ask(
            type="chat_message", chat_id=self.chat_id, text=f"This is {self.to_send}.",
            client_message_id=self.to_send,
        )  # fmt: skip

    def _message(self, message: dict[str, object]) -> None:
        seq, name = message["seq"], str(message["client_message_id"])
        assert isinstance(seq, int)
        if name == self.to_send:
            self.to_send = None
        if seq > self.cursor:
            if seq != self.cursor + 1:
                self.faults.append(f"{seq} after {self.cursor}")
            self.cursor = seq
            self.heard[name] += 1
        self._judge()

    def _judge(self) -> None:
        if self.resumed and (self.awaited is None or self.heard[self.awaited]):
            self.settled.set()

    def await_message(self, name: str) -> None:
        self.awaited = name
        self.settled.clear()

    # --- going --------------------------------------------------------------------------------

    def cut(self) -> None:
        if self.link is not None:
            link, self.link, self.resumed = self.link, None, False
            link.cut()

    def lost(self, link: Link) -> None:
        """It ended by itself: come again, where that was not expected."""
        if self.link is not link:
            return
        self.link, self.resumed = None, False
        if self.stays:
            self.tally.met[str(link.code or "reset when open")] += 1
            self._again = asyncio.get_running_loop().create_task(self.come(BACKOFF_FIRST))


def _same(link: Link) -> Link:
    return link
