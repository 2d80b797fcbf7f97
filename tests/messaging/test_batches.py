"""What several requests of one batch make of each other: as if they had come one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from tests.api.test_query_counts import chat_with, make_user
from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.services.engine import engine, stop_own
from therapyconnect.messaging.services.requests import (
    Advance,
    Changed,
    Delete,
    Flag,
    Outcome,
    Restore,
    Send,
    Sent,
)

THERAPIST, PATIENT = "t_counts", "p_batch"
CHAT = f"CHAT_{THERAPIST}_{PATIENT}"


@pytest.fixture
def chat(transactional_db: None, settings: Any) -> Iterator[str]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_user(THERAPIST)
    yield chat_with(PATIENT, 0)
    stop_own()
    cipher_store.cache_clear()


def batch(*requests: Any) -> list[Outcome]:
    """All in one batch: they gather while the loop is busy with handing them over."""
    target = engine()
    outcomes: dict[int, Outcome] = {}

    async def hand_over() -> None:
        for number, make in enumerate(requests):
            target.submit(make(lambda outcome, n=number: outcomes.__setitem__(n, outcome)))
        while len(outcomes) < len(requests):
            await asyncio.sleep(0.005)

    assert target.loop is not None
    asyncio.run_coroutine_threadsafe(hand_over(), target.loop).result(20)
    return [outcomes[number] for number in range(len(requests))]


def send(text: str, *, by: str = PATIENT, key: str | None = None, reply_to: Any = None,
         emergency: bool = False) -> Any:  # fmt: skip
    return lambda reply: Send(
        CHAT, by, text, "text", emergency, reply_to, key, None, reply=reply
    )  # fmt: skip


def amend(kind: Any, seq: int, *, by: str = PATIENT) -> Any:
    return lambda reply: kind(chat_id=CHAT, user_id=by, seq=seq, reply=reply)


def said(text: str, **fields: Any) -> Any:
    (sent,) = batch(send(text, **fields))
    assert isinstance(sent, Sent), sent
    return sent.message


def test_a_restored_message_does_not_quote_what_was_just_deleted(chat: str) -> None:
    said("CANARY")
    said("as I said", reply_to=MessageRef(chat, 1))
    batch(amend(Delete, 2))
    deleted, restored = batch(amend(Delete, 1), amend(Restore, 2))
    assert isinstance(deleted, Changed)
    assert isinstance(restored, Changed)
    assert restored.message is not None
    assert (restored.message.text, restored.message.reply_to_text) == ("as I said", None)
    (back,) = batch(amend(Restore, 1))
    assert isinstance(back, Changed)
    _, again = batch(amend(Delete, 2), amend(Restore, 2))
    assert isinstance(again, Changed)
    assert again.message is not None
    assert again.message.reply_to_text == "CANARY"


def test_a_retry_beside_the_delete_finds_it_deleted(chat: str) -> None:
    said("CANARY", key="k")
    _, repeated = batch(amend(Delete, 1), send("CANARY", key="k"))
    assert isinstance(repeated, Sent)
    assert (repeated.created, repeated.message.deleted, repeated.message.text) == (
        False, True, None,
    )  # fmt: skip


def test_no_device_confirms_an_alert_that_is_only_being_raised(chat: str) -> None:
    everything = lambda reply: Advance(CHAT, THERAPIST, "read", None, reply=reply)  # noqa: E731
    sent, advanced = batch(send("help", emergency=True), everything)
    assert isinstance(sent, Sent)
    assert sent.alert is not None
    assert not isinstance(advanced, DomainError)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, delivered_at FROM messaging_emergencyalert")
        assert cursor.fetchall() == [("raised", None)]


def test_a_flagged_message_is_confirmed_by_its_name(chat: str) -> None:
    said("worse than I said")
    batch(amend(Flag, 1))
    by_name = lambda reply: Advance(  # noqa: E731
        CHAT, THERAPIST, "delivered", 1, reply=reply, message=True
    )
    (advanced,) = batch(by_name)
    assert getattr(advanced, "alert", None) is not None
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, delivered_at IS NULL FROM messaging_emergencyalert")
        assert cursor.fetchall() == [("delivered", False)]
