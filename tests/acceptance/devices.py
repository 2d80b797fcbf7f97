"""A device: one socket after another, resumed each time from what the device has."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.acceptance.clients import FUTURE, Run
from tests.acceptance.hearing import Asked, Hearer
from tests.acceptance.records import Advancing, Change, Changing, Kind, Life, Sending, now
from tests.harness.server import Pair

WINDOW = 4
SETTLE_TURN = 0.02
KINDS: tuple[Change, ...] = ("edit", "edit", "edit", "delete")
"""Of changes that a socket knows."""


class Device(Hearer):
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
        super().__init__(run, name, pairs, side, kind)
        self.pace, self.lives, self.receipts = pace, lives, receipts
        path = (
            f"/ws/chat/{pairs[0].chat_id}/"
            if kind == "chat"
            else f"/ws/notifications/{self.user_id}/"
        )
        base = run.base if port is None else f"http://127.0.0.1:{port}"
        self._url = base.replace("http", "ws", 1) + path
        self._numbers = 0
        self._socket: ClientConnection

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
        while (self._unknown or self._changing) and now() < end:
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
            if status not in (429, 503):
                self.run.broke(f"a socket was refused: {status}")
            elif status == 429:
                await asyncio.sleep(float(refused.response.headers["retry-after"]))
            return False
        self._socket = opened
        self._life = Life(self.name, self.user_id, self.kind, now())
        self._asked.clear()
        self._changing.clear()
        self._resumes.clear()
        self.run.history.lives.append(self._life)
        tasks = [asyncio.create_task(self._hear(opened)), asyncio.create_task(self._finish())]
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
            self._changing.clear()
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
                key = f"{self.run.tag}-{self.name}-{self._numbers}"
                chat_id = self.dice.choice(self.pairs).chat_id
                await self._send(chat_id, key, self.run.text(chat_id, key), retry=False)
                if self.dice.random() < 0.05:
                    chat_id, text = self._unknown[key]
                    await self._send(chat_id, key, text, retry=True)
            if self.receipts and self.dice.random() < 0.25:
                await self._advance()
            if self.dice.random() < 0.12:
                await self._amend()
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

    async def _amend(self) -> None:
        """Edit a message, perhaps several times at once, or delete it."""
        chat_id = self.dice.choice(self.pairs).chat_id
        changing = self.run.choose_change(chat_id, self.user_id, self.dice, KINDS)
        if changing is None:
            return
        await self._change(changing)
        if changing.kind == "edit":
            for _ in range(self.dice.choice((0, 0, 1, 3))):
                again = self.run.change(chat_id, self.user_id, changing.message_id, "edit")
                await self._change(again)

    async def _change(self, changing: Changing) -> None:
        frame: dict[str, Any] = {"message_id": changing.message_id, "ref": self._ref(changing)}
        if self.kind == "user":
            frame["chat_id"] = changing.chat_id
        self._changing.add(frame["ref"])
        if changing.kind == "edit":
            await self._say(type="message_edited", text=changing.text, **frame)
        else:
            await self._say(type="message_deleted", **frame)

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

    def _ref(self, asked: Asked) -> str:
        ref = f"r{len(self._asked)}"
        self._asked[ref] = asked
        return ref

    async def _say(self, **frame: Any) -> None:
        await self._socket.send(json.dumps(frame))
