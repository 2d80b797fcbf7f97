"""Killed servers, tokens that end, too little allowance: nothing lost, doubled or reordered."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from tests.acceptance.proxy import Proxy
from tests.clients.steps import SECONDS, email_of, listening, run
from tests.harness.server import PASSWORD, LiveServer, Pair
from therapyconnect_client import Client, FileStore, MemoryStore, Tokens, Unreachable

COUNT = 20
KILLS = 2


def test_two_devices_each_and_a_server_that_is_killed(
    strict: LiveServer, pair: Pair, seed: int, tmp_path: Path,
    record_property: object,
) -> None:  # fmt: skip
    """The therapist's devices lead through a bad line; one keeps its queue in a file."""
    renewed: list[Tokens | None] = []

    async def work() -> None:
        dice = random.Random(seed)
        async with Proxy(strict.port, dice) as proxy:
            bad = f"http://127.0.0.1:{proxy.port}"
            users = [pair.therapist_id, pair.patient_id, pair.therapist_id, pair.patient_id]
            clients = [
                Client(
                    base, timeout=5, on_tokens=renewed.append,
                    store=FileStore(tmp_path / f"queue-{at}") if at < 2 else MemoryStore(),
                )
                for at, base in enumerate((bad, strict.base, bad, strict.base))
            ]  # fmt: skip
            async with clients[0], clients[1], clients[2], clients[3]:
                for client, user_id in zip(clients, users):
                    await _log_in(client, email_of(user_id))
                async with (
                    listening(clients[0]) as first, listening(clients[1]) as second,
                    listening(clients[2]) as third, listening(clients[3]) as fourth,
                ):  # fmt: skip
                    kills = asyncio.create_task(_kill(strict, dice))
                    deliveries = []
                    for number in range(COUNT):
                        for at, client in enumerate(clients):
                            text = f"{at} says {number}"
                            deliveries.append(await client.send(pair.chat_id, text))
                        await asyncio.sleep(dice.uniform(0, 0.1))
                    sent = [await delivery for delivery in deliveries]
                    await kills
                    total = 4 * COUNT
                    assert len({message.id for message in sent}) == total
                    assert max(delivery.attempts for delivery in deliveries) > 1
                    for listener in (first, second, third, fourth):
                        await listener.has(pair.chat_id, total, 2 * SECONDS)
                        assert listener.seqs(pair.chat_id) == list(range(1, total + 1))
                        texts = listener.texts(pair.chat_id)
                        for at in range(4):
                            mine = [text for text in texts if text.startswith(f"{at} ")]
                            assert mine == [f"{at} says {number}" for number in range(COUNT)]
                    assert [client.waiting for client in clients] == [0] * 4
        tries = sum(delivery.attempts for delivery in deliveries)
        measured = f"{total} messages, {tries} tries, {KILLS} kills, {len(renewed)} token pairs"
        record_property("measured", measured)  # type: ignore[operator]

    run(work(), 6 * SECONDS)
    assert len(renewed) > 4
    assert None not in renewed


def test_a_socket_outlives_its_token(strict: LiveServer, pair: Pair) -> None:
    """It says `authenticate` in time, and is not closed."""

    async def work() -> None:
        pairs: list[Tokens | None] = []
        async with Client(strict.base, on_tokens=pairs.append) as client:
            await client.log_in(email_of(pair.patient_id), PASSWORD)
            async with listening(client) as listener:
                async with asyncio.timeout(SECONDS):
                    while len(pairs) < 3:
                        await asyncio.sleep(0.1)
                told = [type(other).__name__ for other in listener.others]
        # A machine that stood still for seconds may have cost it a socket, but not each time.
        assert told.count("Connected") < 3

    run(work())


async def _log_in(client: Client, email: str) -> None:
    """Over a line that may be cut."""
    while True:
        try:
            return await client.log_in(email, PASSWORD)
        except Unreachable:
            await asyncio.sleep(0.1)


async def _kill(server: LiveServer, dice: random.Random) -> None:
    for _ in range(KILLS):
        await asyncio.sleep(dice.uniform(0.3, 2))
        server.kill()
        await asyncio.to_thread(server.start)
