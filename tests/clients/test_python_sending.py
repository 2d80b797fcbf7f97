"""The Python client's queue: in order, once, until the server has said yes or no."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.clients.steps import a, client_of, run
from tests.harness.server import ROOT, LiveServer, Pair
from therapyconnect_client import (
    Conflict,
    FileStore,
    Forbidden,
    Invalid,
    NotFound,
    QueueFull,
    SendRefused,
    StoreInUse,
    Throttled,
    Unavailable,
)

NOWHERE = "http://127.0.0.1:9"


def test_what_is_refused_says_why_and_holds_nothing_up(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "patient") as patient:
            events = patient.events()
            first = await patient.send(pair.chat_id, "   ")
            second = await patient.send(pair.chat_id, "a word", client_message_id="mine")
            with pytest.raises(Invalid) as refused:
                await first
            assert (refused.value.code, refused.value.status, refused.value.attr) == (
                "blank", 400, "text",
            )  # fmt: skip
            assert refused.value.request_id
            told = await a(events, SendRefused)
            assert told.client_message_id == first.client_message_id
            sent = await second
            assert sent.seq == 1
            # The same again is the same message; another one under its name is a conflict.
            again = await patient.send(pair.chat_id, "a word", client_message_id="mine")
            assert (await again).id == sent.id
            other = await patient.send(pair.chat_id, "another", client_message_id="mine")
            with pytest.raises(Conflict) as conflict:
                await other
            assert conflict.value.code == "idempotency_conflict"
            nowhere = await patient.send("CHAT_t_nobody_p_nobody", "is anybody there?")
            with pytest.raises(NotFound):
                await nowhere

    run(work())


def test_an_emergency_says_whom_to_call(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            client_of(server, pair, "patient") as patient,
            client_of(server, pair, "therapist") as therapist,
        ):
            await patient.people.change_settings(region="CH")
            delivery = await patient.send(pair.chat_id, "now", emergency=True)
            assert [resource.phone for resource in await delivery.first_answer()] == ["144", "143"]
            sent = await delivery
            assert sent.emergency_alert is not None
            assert sent.emergency_alert.state == "raised"
            alerts = [alert async for alert in therapist.alerts.list(chat_id=pair.chat_id)]
            assert [alert.message_id for alert in alerts] == [sent.id]
            assert (await therapist.alerts.acknowledge(alerts[0].id)).state == "acknowledged"
            assert (await therapist.alerts.resolve(alerts[0].id)).state == "resolved"
            # Refused, and yet it says so.
            await therapist.chats.update_status(pair.chat_id, "blocked")
            delivery = await patient.send(pair.chat_id, "again", emergency=True)
            with pytest.raises(Forbidden) as refused:
                await delivery
            assert refused.value.code == "chat_blocked"
            for resources in (refused.value.crisis_resources, delivery.crisis_resources):
                assert [resource.phone for resource in resources] == ["144", "143"]

    run(work())


def test_while_the_database_is_stuck_it_asks_again(server: LiveServer, pair: Pair) -> None:
    """503 means unknown: the same id settles it. An emergency says whom to call meanwhile."""
    assert server.database_url is not None
    locked, free = threading.Event(), threading.Event()

    def hold() -> None:
        with psycopg.connect(server.database_url or "") as connection:
            connection.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")
            locked.set()
            free.wait(60)

    async def work() -> None:
        async with client_of(server, pair, "patient", timeout=60) as patient:
            await patient.people.change_settings(region="CH")
            holder = asyncio.create_task(asyncio.to_thread(hold))
            try:
                await asyncio.to_thread(locked.wait)
                deliveries = [await patient.send(pair.chat_id, f"line {n}") for n in range(3)]
                call = await patient.send(pair.chat_id, "now", emergency=True)
                assert [found.phone for found in await call.first_answer()] == ["144", "143"]
                assert not call.settled
            finally:
                free.set()
                await holder
            sent = [await delivery for delivery in deliveries]
            assert [message.text for message in sent] == ["line 0", "line 1", "line 2"]
            assert [m.seq for m in sent] == sorted(m.seq for m in sent)
            assert (await call).emergency_alert is not None
            history = [message async for message in patient.messages.history(pair.chat_id)]
            assert len(history) == 4

    run(work())


@asynccontextmanager
async def _swallower(port: int, count: int) -> AsyncIterator[str]:
    """Leads to a server; of the first connections, the request arrives and the answer does not."""
    left = count
    tasks: set[asyncio.Task[None] | None] = set()

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        tasks.add(asyncio.current_task())
        there, out = await asyncio.open_connection("127.0.0.1", port)
        onward = asyncio.create_task(carry(reader, out))
        with suppress(OSError, asyncio.CancelledError):
            if left > 0:
                left -= 1
                await there.read(1)
            else:
                await carry(there, writer)
        onward.cancel()
        writer.transport.abort()
        out.transport.abort()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            if task is not None:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)


def test_an_answer_that_is_lost_makes_no_second_message(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with (
            _swallower(server.port, 4) as base,
            client_of(server, pair, "patient", base=base) as patient,
        ):
            deliveries = [await patient.send(pair.chat_id, f"line {n}") for n in range(4)]
            sent = [await delivery for delivery in deliveries]
            assert [message.seq for message in sent] == [1, 2, 3, 4]
            assert sum(delivery.attempts for delivery in deliveries) == 8
            history = patient.messages.history(pair.chat_id, after_seq=0)
            assert [m.text async for m in history] == [f"line {n}" for n in range(4)]

    run(work())


def test_the_queue_is_bounded_and_a_call_for_help_is_not(server: LiveServer, pair: Pair) -> None:
    async def work() -> None:
        async with client_of(server, pair, "patient", base=NOWHERE, queue_limit=3) as patient:
            for number in range(3):
                await patient.send(pair.chat_id, f"line {number}")
            with pytest.raises(QueueFull):
                await patient.send(pair.chat_id, "one too many")
            call = await patient.send(pair.chat_id, "now", emergency=True)
            assert await call.first_answer() == ()
            assert patient.waiting == 4

    run(work())


def test_what_waited_is_sent_by_the_next_process(
    server: LiveServer, pair: Pair, other_pair: Pair, tmp_path: Path
) -> None:
    """Another user's stays where it is, until they are back."""
    path = tmp_path / "queue"

    async def work() -> None:
        store = FileStore(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(StoreInUse):
            FileStore(path)
        for someone in (pair, other_pair):
            async with client_of(server, someone, "patient", base=NOWHERE, store=store) as client:
                for number in range(5):
                    await client.send(someone.chat_id, f"line {number}")
        kept = await store.load()
        assert len(kept) == 10
        assert not [item for item in kept if "line" in repr(item)]
        store.close()

        store = FileStore(path)
        async with client_of(server, pair, "patient", store=store) as client:
            assert client.waiting == 5
            # What is new comes behind what waited.
            last = await (await client.send(pair.chat_id, "line 5"))
            assert last.seq == 6
        assert {item.user_id for item in await store.load()} == {other_pair.patient_id}
        async with client_of(server, pair, "therapist") as therapist:
            history = therapist.messages.history(pair.chat_id, after_seq=0)
            assert [m.text async for m in history] == [f"line {number}" for number in range(6)]
        store.close()
        # What was removed is not to be found in the file, either.
        left = path.read_bytes()
        assert other_pair.patient_id.encode() in left
        assert pair.patient_id.encode() not in left

    run(work())


WRITER = """
import asyncio, sys
from therapyconnect_client import Client, FileStore, Tokens

async def main(base, chat_id, token, path):
    async with Client(base, tokens=Tokens(token, "none"), store=FileStore(path)) as client:
        for number in range(10_000):
            await client.send(chat_id, f"line {number}")
            print(number, flush=True)
            await asyncio.sleep(0)

asyncio.run(main(*sys.argv[1:]))
"""


def test_a_process_that_is_killed_lost_nothing_that_it_took(
    server: LiveServer, pair: Pair, tmp_path: Path
) -> None:
    path = tmp_path / "queue"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, server.base, pair.chat_id, pair.patient_token, str(path)],
        cwd=ROOT / "clients" / "python", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdout is not None
    taken = -1
    for line in writer.stdout:
        taken = int(line)
        if taken == 60:
            writer.kill()
    writer.wait()
    assert taken >= 60

    async def work() -> list[str | None]:
        store = FileStore(path)
        async with client_of(server, pair, "patient", store=store, queue_limit=20_000) as client:
            # Behind all that waited.
            await (await client.send(pair.chat_id, "the end"))
            assert client.waiting == 0
        store.close()
        async with client_of(server, pair, "therapist") as therapist:
            history = therapist.messages.history(pair.chat_id, after_seq=0, page=200)
            return [message.text async for message in history]

    texts = run(work())
    # The one that was just being taken may be there or not.
    lines = texts[:-1]
    assert lines == [f"line {number}" for number in range(len(lines))]
    assert len(lines) - 1 in (taken, taken + 1)
    assert texts[-1] == "the end"


def test_too_much_comes_later(strict: LiveServer, pair: Pair) -> None:
    """429: what the server asks for is waited out, in order."""

    async def work() -> None:
        async with client_of(strict, pair, "patient") as patient:
            strict.leave_tokens("message", pair.patient_id, -20)
            deliveries = [await patient.send(pair.chat_id, f"line {n}") for n in range(25)]
            assert [(await delivery).text for delivery in deliveries] == [
                f"line {n}" for n in range(25)
            ]
            assert max(delivery.attempts for delivery in deliveries) > 1
            # Where nobody queues, it is an error that says when to come again.
            asks = [patient.api.post("messages/send_message/", dict[str, object],
                    {"chat_id": pair.chat_id, "text": "x"}) for _ in range(30)]  # fmt: skip
            answers = await asyncio.gather(*asks, return_exceptions=True)
            refused = [error for error in answers if isinstance(error, Throttled)]
            assert refused
            assert all(error.retry_after and error.code == "throttled" for error in refused)
            assert not [e for e in answers if isinstance(e, Unavailable)]

    run(work())
