"""A device: one socket after another, resumed each time from what the device has."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.acceptance.clients import FUTURE, Run, person, text_of
from tests.acceptance.finals import horizons_of
from tests.acceptance.history import Advancing, Kind, Life, Sending, Told, What, now
from tests.harness.server import Pair

EVENTS = ("chat_message", "new_message", "emergency_message")
WINDOW = 4
SETTLE_TURN = 0.02


class Device:
    """One person's device with a chat socket, or with a user socket for several chats.

    `lives` bounds a socket's life in seconds; `pace` is the mean pause between sends, None for a
    device that only listens; `port` leads it through a proxy.
    """

    def __init__(
        self,
        run: Run,
        name: str,
        pairs: list[Pair],
        side: str,
        kind: Literal["chat", "user"],
        *,
        pace: float | None = None,
        lives: tuple[float, float] | None = None,
        receipts: bool = False,
        port: int | None = None,
    ) -> None:
        self.run, self.name, self.pairs, self.kind = run, name, pairs, kind
        self.user_id, self._token = person(pairs[0], side)
        self.pace, self.lives, self.receipts = pace, lives, receipts
        self.dice = run.random(name)
        self.have = {pair.chat_id: 0 for pair in pairs}
        self._chats = {pair.chat_id: pair for pair in pairs}
        path = (
            f"/ws/chat/{pairs[0].chat_id}/"
            if kind == "chat"
            else f"/ws/notifications/{self.user_id}/"
        )
        base = run.base if port is None else f"http://127.0.0.1:{port}"
        self._url = base.replace("http", "ws", 1) + path
        self._unknown: dict[str, tuple[str, str]] = {}
        """key -> (chat, text) of what was asked and not answered."""
        self._asked: dict[str, Sending | Advancing] = {}
        self._numbers = 0
        self._life: Life
        self._socket: ClientConnection
        self._resumes: set[str] = set()
        self._soon: dict[str, float] = {}

    # --- its life -----------------------------------------------------------------------------

    async def live(self) -> None:
        """Until the run has settled and the device has everything, or the quiet end is over."""
        quiet_end: float | None = None
        while True:
            if self.run.settled.is_set():
                quiet_end = quiet_end or now() + self.run.quiet_seconds
                if now() > quiet_end:
                    break
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError):
                if await self._one_socket():
                    break
            await asyncio.sleep(self.dice.uniform(0.02, 0.2))
        for chat_id, have in self.have.items():
            self.run.history.have[(self.name, chat_id)] = have

    async def settle(self) -> None:
        """Wait until nothing of this device is unknown, for a bounded time."""
        end = now() + self.run.quiet_seconds
        while self._unknown and now() < end:
            await asyncio.sleep(SETTLE_TURN)

    async def _one_socket(self) -> bool:
        """One socket's life; True where it was the last one needed."""
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            opened = await connect(
                self._url, additional_headers=headers, compression=None, open_timeout=8,
                close_timeout=0.2, ping_interval=None, proxy=None, max_queue=4096,
            )  # fmt: skip
        except InvalidStatus as refused:
            status = refused.response.status_code
            if status != 503:
                self.run.broke(f"a socket was refused: {status}")
            return False
        self._socket = opened
        self._life = Life(self.name, self.user_id, self.kind, now())
        self._asked.clear()
        self._resumes.clear()
        self.run.history.lives.append(self._life)
        tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._finish())]
        try:
            await self._begin()
            if self.pace is not None:
                tasks.append(asyncio.create_task(self._talk()))
            if self.lives is not None and not self.run.settled.is_set():
                tasks.append(asyncio.create_task(asyncio.sleep(self.dice.uniform(*self.lives))))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            return tasks[1] in done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._life.closed = now()
            if self.dice.random() < 0.5 or self.run.settled.is_set():
                await opened.close()
            else:
                opened.transport.abort()

    async def _begin(self) -> None:
        """Resume from what the device has; what is unknown is asked again."""
        ref = "resume"
        for chat_id, have in self.have.items():
            self._life.note("asked", chat_id, have)
        self._resumes = set(self.have)
        if self.kind == "chat":
            await self._say(type="resume", after_seq=next(iter(self.have.values())), ref=ref)
        else:
            await self._say(type="resume", chats=self.have, ref=ref)
        for key, (chat_id, text) in list(self._unknown.items()):
            await self._send(chat_id, key, text, retry=True)

    async def _finish(self) -> None:
        """Returns once everything was said and this device has all of it, or has waited enough."""
        await self.run.settled.wait()
        end = now() + self.run.quiet_seconds
        while now() < end and (
            self._resumes
            or any(have < self.run.ends.get(chat_id, 0) for chat_id, have in self.have.items())
        ):
            await asyncio.sleep(SETTLE_TURN)
        await asyncio.sleep(0.2)

    # --- what it says -------------------------------------------------------------------------

    async def _talk(self) -> None:
        assert self.pace is not None
        while not self.run.stop.is_set():
            if len(self._unknown) < WINDOW:
                self._numbers += 1
                key = f"{self.name}-{self._numbers}"
                chat_id = self.dice.choice(self.pairs).chat_id
                await self._send(chat_id, key, text_of(key, self.dice), retry=False)
                if self.dice.random() < 0.05:
                    chat_id, text = self._unknown[key]
                    await self._send(chat_id, key, text, retry=True)
            if self.receipts and self.dice.random() < 0.25:
                await self._advance()
            await asyncio.sleep(self.pace * self.dice.uniform(0.5, 1.5))
            await self._ask_again()
        while True:
            await asyncio.sleep(0.2)
            await self._ask_again()

    async def _ask_again(self) -> None:
        """Ask again for what has waited too long, or was answered with "try again"."""
        late = now() - self.run.ask_seconds
        soon = {key for key, at in self._soon.items() if at <= now()}
        waiting = [
            s for s in self._asked.values() if isinstance(s, Sending) and s.outcome == "unknown"
        ]
        newest = {s.key: s.asked for s in waiting}
        for key, (chat_id, text) in list(self._unknown.items()):
            if key in soon or newest.get(key, 0.0) < late:
                await self._send(chat_id, key, text, retry=True)

    async def _send(self, chat_id: str, key: str, text: str, *, retry: bool) -> None:
        self._unknown[key] = (chat_id, text)
        self._soon.pop(key, None)
        sending = Sending(chat_id, self.user_id, key, text, retry, now())
        self.run.history.sendings.append(sending)
        ref = self._ref(sending)
        named = {"chat_id": chat_id} if self.kind == "user" else {}
        await self._say(type="chat_message", text=text, client_message_id=key, ref=ref, **named)

    async def _advance(self) -> None:
        chat_id = self.dice.choice(self.pairs).chat_id
        kind: Kind = self.dice.choice(("read", "delivered"))
        roll = self.dice.random()
        have = self.have[chat_id]
        up_to = FUTURE if roll < 0.1 else self.dice.randint(0, have) if roll < 0.5 else have
        advancing = Advancing(chat_id, self.user_id, kind, up_to, up_to == FUTURE, now())
        self.run.history.advancings.append(advancing)
        named = {"chat_id": chat_id} if self.kind == "user" else {}
        await self._say(type=f"message_{kind}", seq=up_to, ref=self._ref(advancing), **named)

    def _ref(self, asked: Sending | Advancing) -> str:
        ref = f"r{len(self._asked)}"
        self._asked[ref] = asked
        return ref

    async def _say(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))

    # --- what it hears ------------------------------------------------------------------------

    async def _hear(self) -> None:
        async for text in self._socket:
            frame: dict[str, Any] = json.loads(text)
            chat_id = frame.get("chat_id") or self.pairs[0].chat_id
            kind = frame["type"]
            if kind in EVENTS:
                self._hear_message(chat_id, frame)
            elif kind == "connection_established":
                if self.kind == "chat":
                    self._life.note("greeted", chat_id, frame["last_seq"])
            elif kind == "resumed":
                pair = self._chats[chat_id]
                seqs = horizons_of(frame["receipts"], pair.therapist_id, pair.patient_id)
                self._life.note("resumed", chat_id, frame["last_seq"], None, seqs)
                self._resumes.discard(chat_id)
            elif kind in ("message_read_receipt", "message_delivered_receipt"):
                self._hear_receipt(chat_id, frame, "read" if "read" in kind else "delivered")
            elif kind == "error":
                self._hear_error(chat_id, frame)

    def _hear_message(self, chat_id: str, frame: dict[str, Any]) -> None:
        told = Told.of(frame["message"])
        asked = self._asked.get(frame.get("ref", ""))
        what: What = "event"
        if isinstance(asked, Sending):
            what = "answer" if asked.retry else "ack"
            asked.ack(told)
            self._unknown.pop(asked.key, None)
        self._life.note(what, chat_id, told.seq, told)
        if chat_id in self.have and told.seq == self.have[chat_id] + 1:
            self.have[chat_id] = told.seq

    def _hear_receipt(self, chat_id: str, frame: dict[str, Any], kind: Kind) -> None:
        asked = self._asked.get(frame.get("ref", ""))
        if isinstance(asked, Advancing):
            # The answer to one's own: it tells of what was asked, not of where the horizon is.
            asked.end("acked")
            return
        self._life.note(
            "receipt", chat_id, frame["seq"], None, {(frame["user_id"], kind): frame["seq"]}
        )

    def _hear_error(self, chat_id: str, frame: dict[str, Any]) -> None:
        code, ref = frame["code"], frame.get("ref")
        asked = self._asked.get(ref or "")
        if ref == "resume":
            self._life.note("broken", chat_id, 0)
            if code != "unavailable":
                self.run.broke(f"a resume was refused: {code}")
            raise EOFError("the client begins anew")
        if code in ("unavailable", "overloaded", "stopping"):
            if isinstance(asked, Sending):
                self._soon[asked.key] = now() + self.dice.uniform(0.1, 0.5)
            return
        if isinstance(asked, Sending):
            asked.refuse(code)
            self._unknown.pop(asked.key, None)
            self.run.broke(f"a send was refused: {code}")
        elif isinstance(asked, Advancing):
            asked.end("refused", code)
            if not asked.future or code != "beyond_last_seq":
                self.run.broke(f"a receipt was refused: {code}")
        else:
            self.run.broke(f"an error: {code}")
