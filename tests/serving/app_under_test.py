"""A small ASGI application behind our server, run as a process with limits as JSON.

`app_under_test.py '{"head_seconds": 0.5}'` prints the bound port. A WebSocket text is a command:
see `command`; anything else is echoed. What is to take `told` for its seconds ends at SIGUSR1: in
its turn, however slow the machine. The log says what has begun, for who waits for that.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from therapyconnect.serving import PUSH, Limits, PushChannel, make_server

WORDS = "a patient's words"  # named, since a traceback shows source lines

told = asyncio.Event()
in_flight: set[asyncio.Task[None]] = set()
stats: dict[str, Any] = {
    "requests": 0,
    "headers": None,
    "most_pending": 0,
    "flood_seconds": None,
    "ended": 0,
}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await {"lifespan": lifespan, "http": http, "websocket": websocket}[scope["type"]](
        scope, receive, send
    )


async def pause(seconds: str) -> None:
    await (told.wait() if seconds == "told" else asyncio.sleep(float(seconds)))


async def lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, told.set)
    while True:
        event = await receive()
        await send({"type": event["type"] + ".complete"})
        if event["type"] == "lifespan.shutdown":
            return


async def http(scope: dict[str, Any], receive: Any, send: Any) -> None:
    stats["requests"] += 1
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        size += len(event["body"])
        more = event["more_body"]
    if scope["path"].endswith("/slow"):
        logging.info("a slow answer begins")
        await pause(scope["query_string"].decode())
    if scope["path"] in ("/fail", "/beside/broken"):
        raise ValueError(WORDS)
    if scope["path"] == "/endless":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        # 64 MB: more than any kernel holds; to a client that has gone, a send is free.
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
        logging.info("the endless answer ends")
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = {**stats, "method": scope["method"], "size": size, "most_rss": kilobytes * 1024}
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def websocket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "websocket.connect"
    stats["headers"] = len(scope["headers"])
    if scope["path"] == "/refused":
        await send(
            {
                "type": "websocket.http.response.start",
                "status": 404,
                "headers": [(b"x-why", b"not yours")],
            }
        )
        await send({"type": "websocket.http.response.body", "body": b"{}"})
        return
    if scope["path"] == "/forbidden":
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/early-error":
        raise ValueError(WORDS)
    await send({"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)})
    push: PushChannel = scope["extensions"][PUSH]
    try:
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                stats["disconnect"] = event["code"]
                return
            if event.get("text") is None:
                push.send(b"binary %d" % len(event["bytes"]))
            else:
                await command(event["text"], push, send)
    finally:
        stats["ended"] += 1


async def command(text: str, push: PushChannel, send: Any) -> None:
    word, _, rest = text.partition(":")
    if word == "mixed":
        # In turns pushed and sent, across many turns of the loop.
        for number in range(int(rest)):
            if number % 3:
                push.send(b"%d" % number)
            else:
                await send({"type": "websocket.send", "text": str(number)})
    elif word == "sent":
        for number in range(int(rest)):
            await send({"type": "websocket.send", "text": str(number).ljust(10_000)})
    elif word == "flood":
        start(flood(push, int(rest)))
    elif word == "ack":
        start(acknowledge(push, *rest.split(":")))
    elif word == "close":
        push.send(b"last words")
        push.close(int(rest), "as asked")
        assert not push.send(b"too late")
    elif word == "fill-then-close":
        while push.pending_bytes < int(rest):
            push.send(b"x" * 1000)
            await asyncio.sleep(0)
        push.close(4000)
    elif word == "sleep":
        await asyncio.sleep(float(rest))
    elif word == "fail":
        raise ValueError(WORDS)
    else:
        push.send(text.encode())


async def flood(push: PushChannel, rate: int) -> None:
    """Push `rate` kilobytes a millisecond until closed."""
    began = time.monotonic()
    frame = b"x" * 1000
    while not push.closed:
        for _ in range(rate):
            push.send(frame)
        stats["most_pending"] = max(stats["most_pending"], push.pending_bytes)
        await asyncio.sleep(0.001)
    stats["flood_seconds"] = time.monotonic() - began


async def acknowledge(push: PushChannel, seconds: str, reference: str) -> None:
    logging.info("an ack begins")
    await pause(seconds)
    push.send(f"ack {reference}".encode())


def start(work: Any) -> None:
    task = asyncio.ensure_future(work)
    in_flight.add(task)
    task.add_done_callback(in_flight.discard)


async def drain() -> None:
    logging.info("draining")
    if in_flight:
        await asyncio.wait(in_flight)


def main() -> None:
    logging.basicConfig(level="INFO", stream=sys.stderr)
    limits = Limits(**json.loads(sys.argv[1]))

    def body_limit(method: str, path: str) -> int:
        return 4_000_000 if path == "/upload" else 100_000

    def beside_refusal(method: str, path: str, authorization: str | None) -> dict[str, Any]:
        if path == "/beside/fails":
            raise ValueError(WORDS)
        said = {"method": method, "path": path, "authorization": authorization}
        return {"beside": said, "errors": []} if path.startswith("/beside") else {}

    server = make_server(
        app, port=0, on_drain=drain, body_limit=body_limit, beside_refusal=beside_refusal,
        limits=limits, log_level="info",
    )  # fmt: skip

    def announce() -> None:
        while not server.started:
            time.sleep(0.01)
        print(server.port, flush=True)  # noqa: T201

    threading.Thread(target=announce, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
