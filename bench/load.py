"""The load generator: a process of its own. Reads one job as JSON from stdin, writes what it saw.

Each pair is a therapist's chat socket that sends and a patient's that receives and reads. With
`rate` 0 the load is closed: every sender keeps `in_flight` messages unanswered. Otherwise messages
leave by the clock, and an answer's time counts from when its message was due.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvloop

from bench.meter import Meter
from bench.wire import Socket, frame

_ACK, _REF = b'{"type":"chat_message"', b'"ref":'
_OWN_ID, _SEQ, _LAST_SEQ = b'"client_message_id":"', b'"seq":', b'"last_seq":'
_ERROR = b'{"type":"error"'
_FIRST = 100_000_000  # numbers of one width: frames are then built by joining
_TEXT = "The quick brown fox jumps over the lazy dog. " * 5
_DRAIN_SECONDS = 10.0


@dataclass
class Tally:
    """What all sockets saw. Latencies are kept only while `open`."""

    open: bool = False
    acked: int = 0
    sent: int = 0
    ever_acked: int = 0
    ever_heard: int = 0
    receipts: int = 0
    gaps: int = 0
    errors: list[str] = field(default_factory=list)
    acks: array[float] = field(default_factory=lambda: array("d"))
    deliveries: array[float] = field(default_factory=lambda: array("d"))


class Sender(Socket):
    def __init__(self, run: str, tally: Tally, *address: str) -> None:
        super().__init__(*address)
        self._tally = tally
        self.stopped = False
        self.closed_loop = True
        self.due: list[float] = []
        self._now = 0.0
        text = _TEXT[:200]
        self._parts = (
            f'{{"type":"chat_message","text":"{text}","client_message_id":"{run}-'.encode(),
            b'","ref":',
            b"}",
        )
        size = sum(map(len, self._parts)) + 18
        self._head = frame(bytes(size))[:-size]

    def send_one(self, due: float) -> None:
        number = b"%d" % (_FIRST + len(self.due))
        self.due.append(due)
        self._tally.sent += 1
        first, second, third = self._parts
        self.say(b"".join((self._head, first, number, second, number, third)))

    def turn(self) -> None:
        self._now = time.perf_counter()

    def hear(self, text: bytes) -> None:
        tally = self._tally
        if text.startswith(_ACK):
            at = text.find(_REF)
            if at < 0:
                return
            tally.ever_acked += 1
            if tally.open:
                tally.acked += 1
                number = int(text[at + 6 : at + 15]) - _FIRST
                tally.acks.append(self._now - self.due[number])
            if self.closed_loop and not self.stopped:
                self.send_one(self._now)
        elif text.startswith(_ERROR):
            tally.errors.append(text.decode())


class Receiver(Socket):
    """Reads as a client does: all that arrives within `pause` seconds makes one receipt."""

    def __init__(self, sender: Sender, tally: Tally, pause: float, *address: str) -> None:
        super().__init__(*address)
        self._sender = sender
        self._tally = tally
        self._pause = pause
        self._now = 0.0
        self._seq = 0
        self._timer = False

    def turn(self) -> None:
        self._now = time.perf_counter()

    def greeted(self, text: bytes) -> None:
        self._seq = _number(text, _LAST_SEQ)

    def hear(self, text: bytes) -> None:
        tally = self._tally
        if text.startswith(_ACK):
            seq = _number(text, _SEQ)
            if seq != self._seq + 1:
                tally.gaps += 1
            self._seq = seq
            tally.ever_heard += 1
            if tally.open:
                at = text.find(_OWN_ID) + len(_OWN_ID) + 9
                number = int(text[at : at + 9]) - _FIRST
                tally.deliveries.append(self._now - self._sender.due[number])
            if not self._timer:
                self._timer = True
                asyncio.get_running_loop().call_later(self._pause, self._read_all)
        elif text.startswith(_ERROR):
            tally.errors.append(text.decode())

    def _read_all(self) -> None:
        self._timer = False
        self._tally.receipts += self._tally.open
        self.say(frame(b'{"type":"message_read","seq":%d}' % self._seq))
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
    host, port = "127.0.0.1", job["port"]
    # Where the other participants are: another process of the installation, perhaps.
    other_port = job.get("other_port", port)
    for pair in job["pairs"]:
        path = f"/ws/chat/{pair['chat_id']}/"
        sender = Sender(job["run"], tally, f"{host}:{port}", path, pair["therapist_token"])
        receiver = Receiver(
            sender, tally, job["receipt_ms"] / 1000,
            f"{host}:{other_port}", path, pair["patient_token"],
        )  # fmt: skip
        for socket, at in ((receiver, other_port), (sender, port)):
            await loop.create_connection(partial(_same, socket), host, at)
            await asyncio.wait_for(socket.opened, 20)
        senders.append(sender)
        receivers.append(receiver)
    return senders, receivers


async def _pace(senders: list[Sender], rate: float) -> None:
    """Send by the clock, each sender in its turn."""
    begun, count = time.perf_counter(), 0
    while not senders[0].stopped:
        now = time.perf_counter()
        while begun + count / rate <= now:
            sender = senders[count % len(senders)]
            sender.send_one(begun + count / rate)
            sender.flush()
            count += 1
        await asyncio.sleep(0.001)  # less would be rounded to none, and spin


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
    used, own, begun = meter.read(), time.process_time(), time.perf_counter()
    tally.open = True
    await asyncio.sleep(job["seconds"])
    tally.open = False
    seconds = time.perf_counter() - begun
    own, used = time.process_time() - own, meter.read().since(used)
    for sender in senders:
        sender.stopped = True
    if pacing is not None:
        await pacing
    end = time.monotonic() + _DRAIN_SECONDS
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
        "ack_ms": _percentiles(tally.acks),
        "delivery_ms": _percentiles(tally.deliveries),
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


def _percentiles(seconds: array[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    if not ordered:
        return {"p50": 0.0, "p99": 0.0}
    return {
        f"p{rank}": ordered[min(len(ordered) - 1, len(ordered) * rank // 100)] * 1000
        for rank in (50, 99)
    }


if __name__ == "__main__":
    json.dump(uvloop.run(generate(json.load(sys.stdin))), sys.stdout)
