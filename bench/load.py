"""The load generator: a process of its own. Reads one job as JSON from stdin, writes what it saw.

Each pair is a therapist's chat socket that sends and a patient's that receives and reads. With
`rate` 0 the load is closed: every sender keeps `in_flight` messages unanswered. Otherwise messages
leave by the clock, and an answer's time counts from when its message was due.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import sys
import time
from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench.dialects import DIALECTS, FIRST, Dialect
from bench.meter import Meter, rss_megabytes
from bench.pace import ticking
from bench.reckon import Clock, percentiles
from bench.wire import Socket, frame

_TEXT = "The quick brown fox jumps over the lazy dog. " * 5
_DRAIN_SECONDS = 60.0
_TICK_SECONDS = 0.000_25


@dataclass
class Tally:
    """What all sockets saw. Kept are the latencies of messages that were due while it was open."""

    open: bool = False
    begun: float = math.inf
    ended: float = math.inf
    acked: int = 0
    sent: int = 0
    ever_acked: int = 0
    ever_heard: int = 0
    receipts: int = 0
    gaps: int = 0
    errors: list[str] = field(default_factory=list)
    acks: array[float] = field(default_factory=lambda: array("d"))
    deliveries: array[float] = field(default_factory=lambda: array("d"))


class Talker(Socket):
    """What both sides have in common: the address, and how a socket is opened."""

    def __init__(self, dialect: Dialect, tally: Tally, pair: dict[str, str], *address: str) -> None:
        host, token = address
        super().__init__(host, dialect.path.format(**pair), token)
        self._dialect = dialect
        self._tally = tally
        self._join = dialect.join.format(token=token, **pair).encode()
        self._now = 0.0

    def turn(self) -> None:
        self._now = time.perf_counter()

    def greeted(self, text: bytes) -> bool:
        if self._dialect.failed(text) or text.startswith(b"44"):
            raise ConnectionError(text.decode())
        if self._join:
            self.say(frame(self._join))
            self._join = b""
            return False
        return True

    def hear(self, text: bytes) -> None:
        if text == self._dialect.ping:
            self.say(frame(self._dialect.pong))
        elif self._dialect.failed(text):
            self._tally.errors.append(text.decode())
        else:
            self.heard(text)

    def heard(self, text: bytes) -> None:
        raise NotImplementedError


class Sender(Talker):
    def __init__(
        self, run: str, dialect: Dialect, tally: Tally, pair: dict[str, str], host: str
    ) -> None:
        super().__init__(dialect, tally, pair, host, pair["therapist_token"])
        self.stopped = False
        self.closed_loop = True
        self.due: list[float] = []
        text = _TEXT[:200]
        self._parts = [part.format(text=text, run=run).encode() for part in dialect.send]
        size = sum(map(len, self._parts)) + 9 * (len(self._parts) - 1)
        self._head = frame(bytes(size))[:-size]

    def send_one(self, due: float) -> None:
        number = b"%d" % (FIRST + len(self.due))
        self.due.append(due)
        self._tally.sent += 1
        self.say(self._head + number.join(self._parts))

    def heard(self, text: bytes) -> None:
        number = self._dialect.acked(text)
        if number is None:
            return
        tally = self._tally
        tally.ever_acked += 1
        tally.acked += tally.open
        if tally.begun <= (due := self.due[number]) < tally.ended:
            tally.acks.append(self._now - due)
        if self.closed_loop and not self.stopped:
            self.send_one(self._now)


class Receiver(Talker):
    """Reads as a client does: all that arrives within `pause` seconds makes one receipt."""

    def __init__(
        self, sender: Sender, dialect: Dialect, tally: Tally, pair: dict[str, str], host: str,
        pause: float,
    ) -> None:  # fmt: skip
        super().__init__(dialect, tally, pair, host, pair["patient_token"])
        self._sender = sender
        self._pause = pause
        self._seq: int | None = None  # not known before the first frame or push that tells it
        self._timer = False

    def greeted(self, text: bytes) -> bool:
        if self._dialect.last:
            self._seq = _number(text, self._dialect.last)
        return super().greeted(text)

    def heard(self, text: bytes) -> None:
        if not text.startswith(self._dialect.push):
            return
        tally = self._tally
        tally.ever_heard += 1
        due = self._sender.due[self._dialect.pushed(text)]
        if tally.begun <= due < tally.ended:
            tally.deliveries.append(self._now - due)
        if self._dialect.seq:
            seq = _number(text, self._dialect.seq)
            if self._seq is not None and seq != self._seq + 1:
                tally.gaps += 1
            self._seq = seq
        if self._dialect.receipt and not self._timer:
            self._timer = True
            asyncio.get_running_loop().call_later(self._pause, self._read_all)

    def _read_all(self) -> None:
        self._timer = False
        self._tally.receipts += self._tally.open
        self.say(frame(self._dialect.receipt % self._seq))
        self.flush()


def _number(text: bytes, name: bytes) -> int:
    at = end = text.find(name) + len(name)
    while text[end : end + 1].isdigit():
        end += 1
    return int(text[at:end])


def _same(socket: Socket) -> Socket:
    return socket


async def _open(job: dict[str, Any], tally: Tally) -> tuple[list[Sender], list[Receiver]]:
    loop = asyncio.get_running_loop()
    senders, receivers = [], []
    host, port, dialect = "127.0.0.1", job["port"], DIALECTS[job["dialect"]]
    # Where the other participants are: another process of the installation, perhaps.
    other_port = job.get("other_port", port)
    for pair in job["pairs"]:
        sender = Sender(job["run"], dialect, tally, pair, f"{host}:{port}")
        receiver = Receiver(
            sender, dialect, tally, pair, f"{host}:{other_port}", job["receipt_ms"] / 1000
        )
        for socket, at in ((receiver, other_port), (sender, port)):
            await loop.create_connection(partial(_same, socket), host, at)
            await asyncio.wait_for(socket.opened, 20)
        senders.append(sender)
        receivers.append(receiver)
    return senders, receivers


async def _pace(senders: list[Sender], rate: float) -> None:
    """Send by the clock, each sender in its turn."""
    clock, count = Clock(time.perf_counter(), rate), 0

    def send_due() -> None:
        nonlocal count
        now = time.perf_counter()
        while not senders[0].stopped and (due := clock.due(count)) <= now:
            sender = senders[count % len(senders)]
            sender.send_one(due)
            sender.flush()
            count += 1

    with ticking(_TICK_SECONDS, send_due):
        while not senders[0].stopped:
            await asyncio.sleep(0.01)


async def _settled_rss(pid: int) -> float:
    """Resident megabytes, once they have not grown for half a second."""
    last = rss_megabytes(pid)
    while True:
        await asyncio.sleep(0.5)
        if (now := rss_megabytes(pid)) <= last:
            return now
        last = now


async def hold(job: dict[str, Any]) -> dict[str, Any]:
    """Open all sockets and say nothing: what each costs the application's memory."""
    tally = Tally()
    # What a first socket makes once, and all share.
    for sockets in await _open({**job, "pairs": job["pairs"][:10]}, tally):
        for socket in sockets:
            socket.close()
    before = await _settled_rss(job["app_pid"])
    senders, receivers = await _open(job, tally)
    after = await _settled_rss(job["app_pid"])
    talkers = [*senders, *receivers]
    ended = sum(talker.ended for talker in talkers)
    for talker in talkers:
        talker.close()
    await asyncio.sleep(0.05)
    return {
        "sockets": len(talkers),
        "kilobytes_per_socket": (after - before) * 1024 / len(talkers),
        "ended_sockets": ended,
        "errors": tally.errors[:3],
    }


async def generate(job: dict[str, Any]) -> dict[str, Any]:
    tally = Tally()
    meter = Meter(job["app_pid"], job["postgres_pid"])
    senders, receivers = await _open(job, tally)
    gc.collect()
    gc.freeze()
    gc.disable()
    pacing = None
    if job["rate"]:
        for sender in senders:
            sender.closed_loop = False
        pacing = asyncio.create_task(_pace(senders, job["rate"]))
    else:
        for sender in senders:
            for _ in range(job["in_flight"]):
                sender.send_one(time.perf_counter())
            sender.flush()
    await asyncio.sleep(job["warm_seconds"])
    used, own = meter.read(), time.process_time()
    tally.open, tally.begun = True, time.perf_counter()
    await asyncio.sleep(job["seconds"])
    tally.open, tally.ended = False, time.perf_counter()
    seconds = tally.ended - tally.begun
    own, used = time.process_time() - own, meter.read().since(used)
    for sender in senders:
        sender.stopped = True
    if pacing is not None:
        await pacing
    end = time.monotonic() + job.get("drain_seconds", _DRAIN_SECONDS)
    while min(tally.ever_acked, tally.ever_heard) < tally.sent and time.monotonic() < end:
        await asyncio.sleep(0.05)
    ended = sum(socket.ended for socket in (*senders, *receivers))
    for socket in (*senders, *receivers):
        socket.close()
    await asyncio.sleep(0.05)
    count = max(1, tally.acked)
    return {
        "messages_per_second": tally.acked / seconds,
        "receipts_per_second": tally.receipts / seconds,
        "ack_ms": percentiles(tally.acks),
        "delivery_ms": percentiles(tally.deliveries),
        "app_us": used.app / count * 1e6,
        "postgres_us": used.postgres / count * 1e6,
        "generator_us": own / count * 1e6,
        "busy_cores": {
            "app": used.app / seconds,
            "postgres": used.postgres / seconds,
            "generator": own / seconds,
        },
        "unacked": tally.sent - tally.ever_acked,
        "undelivered": tally.sent - tally.ever_heard,
        "gaps": tally.gaps,
        "ended_sockets": ended,
        "errors": tally.errors[:3],
    }


async def main() -> None:
    job = json.load(sys.stdin)
    json.dump(await (hold if job["idle"] else generate)(job), sys.stdout)


if __name__ == "__main__":
    uvloop.run(main())
