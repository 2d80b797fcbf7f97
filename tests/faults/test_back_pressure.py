"""A lane that can't write, and ever more to write: bounded in bytes, in count and in time."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import suppress

import psycopg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.records import now
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.faults.witness import ANSWER_SECONDS
from tests.harness.server import LiveServer, Pair

IN_FLIGHT = 256  # of one socket; more is held back by TCP, and asked later
# The whole promise is longer than all those batches would take, one after another.
HOLD_SECONDS = 32.0 if os.environ.get("TC_CHAOS") else 12.0
SOCKETS = 9
BIG = "x" * 10_000
# By bytes: 64 MB are full after about 1,650 of the longest texts. By count: 20,000 of any.
FULL = [(SOCKETS, BIG), (84, "x")] if os.environ.get("TC_CHAOS") else [(SOCKETS, BIG)]


class Sender:
    """A socket that asks for all it may at once, and times each answer."""

    def __init__(self, server: LiveServer, pair: Pair, name: str, text: str) -> None:
        self.url = f"{server.ws}/ws/chat/{pair.chat_id}/"
        self.token = pair.patient_token
        self.name, self.text = name, text
        self.first: dict[str, tuple[float, str]] = {}
        """key -> (seconds, code) of the first answer."""
        self.acked: dict[str, int] = {}
        self._asked: dict[str, float] = {}
        self._again: set[asyncio.Task[None]] = set()

    async def live(self) -> None:
        """Send; then ask again whatever was refused, until all of it is acked."""
        async with asyncio.timeout(180):
            while len(self.acked) < IN_FLIGHT:
                # What was written to its chat all at once may be too much for one reader: 1013.
                with suppress(ConnectionClosed):
                    await self._one_socket()
                for key, asked in self._asked.items():
                    self.first.setdefault(key, (now() - asked, "closed"))

    async def _one_socket(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with connect(
            self.url, additional_headers=headers, compression=None, ping_interval=None,
            proxy=None, max_queue=None, open_timeout=60,
        ) as socket:  # fmt: skip
            for key in (f"{self.name}-{n}" for n in range(IN_FLIGHT)):
                if key not in self.acked:
                    self._asked.setdefault(key, now())
                    await self._ask(socket, key)
            while len(self.acked) < IN_FLIGHT:
                frame = json.loads(await socket.recv())
                key = frame.get("ref")
                if key not in self._asked:
                    continue
                code = frame["code"] if frame["type"] == "error" else "acked"
                self.first.setdefault(key, (now() - self._asked[key], code))
                if code == "acked":
                    self.acked[key] = frame["message"]["seq"]
                else:
                    assert code in ("unavailable", "overloaded"), code
                    assert "retry_after" in frame
                    again = asyncio.create_task(self._ask(socket, key, after=1.0))
                    self._again.add(again)
                    again.add_done_callback(self._again.discard)

    async def _ask(self, socket: ClientConnection, key: str, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        frame = {"type": "chat_message", "text": self.text, "client_message_id": key, "ref": key}
        with suppress(ConnectionClosed):
            await socket.send(json.dumps(frame))


def test_a_full_queue_says_so_at_once_and_everything_is_settled(
    stack: LiveServer, take: Take, superuser: str, seed: int, record_property: Record
) -> None:
    for sockets, text in FULL:
        pairs = take(2)
        crowd = take(2)
        senders = [Sender(stack, crowd[n % len(crowd)], f"crowd{n}", text) for n in range(sockets)]

        def press(senders: list[Sender] = senders) -> None:
            asyncio.run(_press(superuser, senders))

        endure(
            f"{sockets} sockets with {IN_FLIGHT} messages each of {len(text)} characters"
            f" on lanes that are locked", press,
            server=stack, pairs=pairs, seed=seed, record=record_property,
        )  # fmt: skip
        answers = [answer for sender in senders for answer in sender.first.values()]
        assert len(answers) == sockets * IN_FLIGHT
        counts = Counter(code for _, code in answers)
        slowest = max(seconds for seconds, _ in answers)
        measured = f"first answers {dict(counts)}, the slowest after {slowest:.1f} s"
        record_property("measured", measured)
        print(measured)  # noqa: T201
        assert counts["overloaded"] > 0
        assert slowest < ANSWER_SECONDS, "silence"
        for pair in crowd:
            mine = [s for s in senders if pair.chat_id in s.url]
            seqs = sorted(seq for sender in mine for seq in sender.acked.values())
            assert seqs == list(range(1, len(mine) * IN_FLIGHT + 1))


async def _press(superuser: str, senders: list[Sender]) -> None:
    """Lock; let all of them send; release. Returns once all is settled."""
    holder = await psycopg.AsyncConnection.connect(superuser)
    async with holder:
        await holder.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")
        lives = [asyncio.create_task(sender.live()) for sender in senders]
        await asyncio.sleep(HOLD_SECONDS)
    await asyncio.gather(*lives)
