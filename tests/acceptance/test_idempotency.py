"""G3: one message per (chat, sender, `client_message_id`), the same answer on every retry."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.acceptance.finals import read_final
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket

IDS = 200
PARALLEL = 20
SOCKETS = 15
AT_ONCE = 8

Answer = tuple[int | None, dict[str, Any]]
Take = Callable[[int], list[Pair]]


class Socket:
    """A chat socket on which several ask at once; each waits for the frame with its `ref`."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def hear(self) -> None:
        async for text in self._connection:
            frame = json.loads(text)
            waiting = self._waiting.pop(frame.get("ref", ""), None)
            if waiting is not None:
                waiting.set_result(frame)

    async def ask(self, ref: str, body: dict[str, Any]) -> dict[str, Any]:
        future = asyncio.get_running_loop().create_future()
        self._waiting[ref] = future
        await self._connection.send(json.dumps({"type": "chat_message", "ref": ref, **body}))
        return await asyncio.wait_for(future, 30)


async def _race(live: LiveServer, pair: Pair) -> dict[str, list[Answer]]:
    """A quarter of the identical sends of each id over REST, the rest over sockets, at once."""
    headers = {"Authorization": f"Bearer {pair.patient_token}"}
    limits = httpx.Limits(max_connections=20)
    answers: dict[str, list[Answer]] = {}
    async with httpx.AsyncClient(
        base_url=f"{live.base}/api/", headers=headers, timeout=30, limits=limits
    ) as api:
        opened = [
            await connect(
                f"{live.ws}/ws/chat/{pair.chat_id}/", additional_headers=headers,
                compression=None, proxy=None, max_queue=4096, ping_interval=None,
            )
            for _ in range(SOCKETS)
        ]  # fmt: skip
        sockets = [Socket(connection) for connection in opened]
        hearing = [asyncio.create_task(socket.hear()) for socket in sockets]

        async def over_rest(key: str) -> Answer:
            body = {"chat_id": pair.chat_id, "text": f"text of {key}", "client_message_id": key}
            answer = await api.post("messages/send_message/", json=body)
            return answer.status_code, answer.json()

        async def over_socket(key: str, n: int) -> Answer:
            body = {"text": f"text of {key}", "client_message_id": key}
            frame = await sockets[n].ask(f"{key}/{n}", body)
            return None, frame.get("message", frame)

        async def one(key: str) -> None:
            async with turn:
                asks = [over_socket(key, n) for n in range(SOCKETS)]
                rest = [over_rest(key) for _ in range(PARALLEL - SOCKETS)]
                answers[key] = list(await asyncio.gather(*rest, *asks))

        turn = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(one(f"key-{n}") for n in range(IDS)))
        for task in hearing:
            task.cancel()
        for connection in opened:
            await connection.close()
    return answers


def test_twenty_at_once_are_one_message(
    product: LiveServer, take: Take, record_property: Callable[[str, object], None]
) -> None:
    pair = take(1)[0]
    answers = asyncio.run(_race(product, pair))
    created: Counter[str] = Counter()
    for key, given in answers.items():
        assert len(given) == PARALLEL
        messages = [message for _, message in given]
        assert all(message == messages[0] for message in messages), (key, messages)
        assert {status for status, _ in given} <= {None, 200, 201}
        created[key] = sum(1 for status, _ in given if status == 201)
    # Where a socket was first, its ack does not say so; then no answer over REST does either.
    assert set(created.values()) <= {0, 1}
    by_rest = sum(created.values())
    final = read_final(product.base, pair)
    assert sorted(told.key or "" for told in final.messages) == sorted(answers)
    assert final.last_seq == IDS
    record_property("measured", f"{IDS} rows, {by_rest} created over REST, the rest over sockets")
    rows = product.sql("SELECT count(*) FROM messaging_message WHERE chat_id = %s", (pair.chat_id,))
    assert rows == [(IDS,)]


def test_over_rest_alone_exactly_one_is_told_that_it_created(
    product: LiveServer, take: Take
) -> None:
    pair = take(1)[0]

    async def race() -> list[list[int]]:
        headers = {"Authorization": f"Bearer {pair.patient_token}"}
        async with httpx.AsyncClient(
            base_url=f"{product.base}/api/", headers=headers, timeout=30
        ) as api:
            statuses = []
            for n in range(10):
                body = {"chat_id": pair.chat_id, "text": "x", "client_message_id": f"k{n}"}
                given = await asyncio.gather(
                    *(api.post("messages/send_message/", json=body) for _ in range(PARALLEL))
                )
                statuses.append(sorted(answer.status_code for answer in given))
            return statuses

    assert asyncio.run(race()) == [[200] * (PARALLEL - 1) + [201]] * 10


def test_another_body_under_the_same_id_conflicts(product: LiveServer, take: Take) -> None:
    pair = take(1)[0]
    first = {"chat_id": pair.chat_id, "text": "as first sent", "client_message_id": "k"}
    with product.api(pair.patient_token) as api:

        def send(**changed: Any) -> httpx.Response:
            return api.post("messages/send_message/", json={**first, **changed})

        made = send()
        assert made.status_code == 201
        for changed in (
            {"text": "as first sent "},
            {"payload": {"a": 1}},
            {"emergency": True},
            {"message_type": "appointment"},
            {"reply_to": made.json()["id"]},
        ):
            answer = send(**changed)
            assert answer.status_code == 409, changed
            assert answer.json()["errors"][0]["code"] == "idempotency_conflict"
        # Said or left out, a default is the same body.
        for same in ({}, {"message_type": "text"}, {"emergency": False}, {"payload": None}):
            answer = send(**same)
            assert (answer.status_code, answer.json()) == (200, made.json())
        assert api.get(f"chats/{pair.chat_id}/").json()["last_seq"] == 1
    # Unique per sender: the other's same id is another message.
    with product.api(pair.therapist_token) as other:
        answer = other.post("messages/send_message/", json={**first, "text": "mine"})
        assert (answer.status_code, answer.json()["seq"]) == (201, 2)


def test_the_header_is_an_alias(product: LiveServer, take: Take) -> None:
    pair = take(1)[0]
    body = {"chat_id": pair.chat_id, "text": "once"}
    with product.api(pair.patient_token) as api:

        def send(header: str | None, **more: Any) -> httpx.Response:
            headers = {"Idempotency-Key": header} if header else {}
            return api.post("messages/send_message/", json={**body, **more}, headers=headers)

        made = send("h")
        assert (made.status_code, made.json()["client_message_id"]) == (201, "h")
        for again in (
            send("h"),
            send(None, client_message_id="h"),
            send("h", client_message_id="h"),
        ):
            assert (again.status_code, again.json()) == (200, made.json())
        assert send("h", client_message_id="other").status_code == 400
        assert send("h" * 65).status_code == 400
        assert send(None, client_message_id="h" * 65).status_code == 400
        assert send("h", text="twice").status_code == 409


def test_another_body_conflicts_over_a_socket_too(product: LiveServer, take: Take) -> None:
    pair = take(1)[0]
    with chat_socket(product, pair.chat_id, pair.patient_token) as socket:
        socket.send("chat_message", text="a", client_message_id="k", ref=1)
        made = socket.until("chat_message", ref=1)["message"]
        socket.send("chat_message", text="b", client_message_id="k", ref=2)
        assert socket.until("error", ref=2)["code"] == "idempotency_conflict"
        socket.send("chat_message", text="a", client_message_id="k", message_type="text", ref=3)
        assert socket.until("chat_message", ref=3)["message"] == made
    assert read_final(product.base, pair).last_seq == 1
