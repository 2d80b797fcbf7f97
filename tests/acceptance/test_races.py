"""G8: of edits and a delete at once, each acknowledged edit is in the history exactly once."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.harness.server import LiveServer, Pair

Take = Callable[[int], list[Pair]]
RACES = 300
CLIENTS = 8


def test_an_acked_edit_is_kept_once_and_none_follows_a_delete(
    product: LiveServer, take: Take
) -> None:
    pair = take(1)[0]
    dice = random.Random(8)
    acked = refused = 0
    with (
        product.api(pair.patient_token) as api,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        clients = [product.api(pair.patient_token) for _ in range(CLIENTS)]
        try:
            for race in range(RACES):
                body = {"chat_id": pair.chat_id, "text": f"{race}:first"}
                message_id = api.post("messages/send_message/", json=body).json()["id"]
                deleter = dice.randrange(CLIENTS)
                jobs = [
                    pool.submit(_act, client, message_id, None if n == deleter else f"{race}:{n}")
                    for n, client in enumerate(clients)
                ]
                answers = [job.result() for job in jobs]
                edits = _judge(answers, deleter)
                acked += len(edits)
                refused += CLIENTS - 1 - len(edits)
                _check_history(api, message_id, f"{race}:first", edits)
        finally:
            for client in clients:
                client.close()
    print(f"races: {RACES}, edits acked: {acked}, refused after the delete: {refused}")  # noqa: T201
    assert acked > RACES  # else nothing raced
    assert refused > RACES


def _act(client: httpx.Client, message_id: str, text: str | None) -> httpx.Response:
    if text is None:
        return client.post(f"messages/{message_id}/delete_message/", json={})
    return client.post(f"messages/{message_id}/edit_message/", json={"text": text})


def _judge(answers: list[httpx.Response], deleter: int) -> list[tuple[int, str]]:
    """The acknowledged edits as `(changed_seq, text)`, in their order; none after the delete."""
    assert answers[deleter].status_code == 200
    deleted_seq = answers[deleter].json()["changed_seq"]
    edits: list[tuple[int, str]] = []
    for n, answer in enumerate(answers):
        if n == deleter:
            continue
        if answer.status_code == 409:
            assert answer.json()["errors"][0]["code"] == "message_deleted"
            continue
        assert answer.status_code == 200, answer.text
        edits.append((answer.json()["changed_seq"], answer.json()["text"]))
    assert all(changed < deleted_seq for changed, _ in edits)
    return sorted(edits)


def _check_history(
    api: httpx.Client, message_id: str, first: str, edits: list[tuple[int, str]]
) -> None:
    """Deleted, it shows no version; restored, each acknowledged one exactly once."""
    assert api.get(f"messages/{message_id}/history/").json()["results"] == []
    restored: dict[str, Any] = api.post(f"messages/{message_id}/restore_message/", json={}).json()
    versions = api.get(f"messages/{message_id}/history/").json()["results"]
    assert [version["version"] for version in versions] == list(range(1, len(edits) + 1))
    said = [version["text"] for version in versions] + [restored["text"]]
    assert said == [first, *[text for _, text in edits]]
    chat_id = restored["chat_id"]
    after = restored["seq"] - 1
    page = api.get(f"chats/{chat_id}/events/?after_seq={after}&limit=200").json()["events"]
    own = [event["type"] for event in page]
    assert own == ["message_created", *["message_edited"] * len(edits), "message_deleted",
                   "message_restored"]  # fmt: skip
