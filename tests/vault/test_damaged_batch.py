"""What is damaged in one chat harms nobody who happened to write in the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection

from tests.api.test_query_counts import make_user, principal
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from therapyconnect.accounts import services
from therapyconnect.core.errors import Damaged, NotFound
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.services import engine
from therapyconnect.messaging.services.batch import send_messages
from therapyconnect.messaging.services.chats import create_or_get_chat
from therapyconnect.messaging.services.requests import (
    Advance,
    Changed,
    Edit,
    Outcome,
    Request,
    Send,
    Sent,
    SetRoom,
    SetStatus,
)

THERAPIST = "t_damage"
DAMAGED = "CHAT_t_damage_p_damaged"
SOUND = "CHAT_t_damage_p_sound"

KEY_GONE = "DELETE FROM vault_datakey WHERE chat_id = %s"
KEY_ALTERED = """UPDATE vault_datakey SET wrapped = set_byte(wrapped, 20,
    255 - get_byte(wrapped, 20)) WHERE chat_id = %s"""
KEY_OF_ANOTHER_RING = "UPDATE vault_datakey SET wrapped_by = 99 WHERE chat_id = %s"
ROOM_ALTERED = "UPDATE messaging_chatroom SET tags_sealed = 'x'::bytea WHERE chat_id = %s"
TEXT_ALTERED = """UPDATE messaging_message SET text_sealed = set_byte(text_sealed, 20,
    255 - get_byte(text_sealed, 20)) WHERE chat_id = %s"""


@pytest.fixture
def chats(transactional_db: None, settings: Any) -> Iterator[None]:
    """Two chats of one therapist, in which each patient said one thing."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    make_user(THERAPIST)
    for patient_id in ("p_damaged", "p_sound"):
        make_user(patient_id)
        services.create_relationship(therapist_id=THERAPIST, patient_id=patient_id)
        create_or_get_chat(
            caller=principal(patient_id), therapist_id=THERAPIST, patient_id=patient_id
        )
    for sent in batch(send(DAMAGED, "p_damaged"), send(SOUND, "p_sound")):
        assert isinstance(sent, Sent)
    cipher_store.cache_clear()
    yield
    cipher_store.cache_clear()


def nobody(_: Outcome) -> None:
    """A reply to a request that nobody waits for: the outcomes are looked at."""


def send(chat_id: str, sender_id: str = THERAPIST) -> Send:
    return Send(chat_id, sender_id, "words", "text", False, None, None, None, reply=nobody)


def batch(*requests: Request) -> Sequence[Outcome]:
    """What comes of all of them together."""

    async def apply() -> list[Outcome]:
        lane = await engine._connect_lane()
        try:
            return await send_messages(lane, requests)
        finally:
            await lane.close()

    return asyncio.run(apply())


def sql(query: str, *params: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize(
    "damage",
    [KEY_GONE, KEY_ALTERED, KEY_OF_ANOTHER_RING],
    ids=["gone", "altered", "of-another-ring"],
)
def test_a_chat_that_cannot_be_opened_fails_alone(chats: None, damage: str) -> None:
    sql(damage, DAMAGED)
    before = sql("SELECT * FROM messaging_chat WHERE id = %s", DAMAGED)
    *broken, outsider, sent, changed = batch(
        send(DAMAGED),
        Advance(DAMAGED, THERAPIST, "read", None, nobody),
        Edit(chat_id=DAMAGED, user_id="p_damaged", seq=1, text="other", reply=nobody),
        SetStatus(chat_id=DAMAGED, user_id=THERAPIST, status="archived", reply=nobody),
        SetRoom(chat_id=DAMAGED, user_id=THERAPIST, room_type="general", reply=nobody),
        send(DAMAGED, "p_sound"),
        send(SOUND),
        SetRoom(chat_id=SOUND, user_id=THERAPIST, room_type="general", reply=nobody),
    )
    for outcome in broken:
        assert isinstance(outcome, Damaged), outcome
        assert (outcome.status, outcome.code) == (500, "integrity_error")
    assert isinstance(outsider, NotFound)
    assert isinstance(sent, Sent)
    assert (sent.created, sent.message.seq) == (True, 2)
    assert isinstance(changed, Changed)
    assert sql("SELECT * FROM messaging_chat WHERE id = %s", DAMAGED) == before
    assert sql("SELECT count(*) FROM messaging_message WHERE chat_id = %s", DAMAGED) == [(1,)]


def test_a_room_that_cannot_be_opened_is_not_changed_and_its_chat_goes_on(chats: None) -> None:
    sql(ROOM_ALTERED, DAMAGED)
    broken, said, changed = batch(
        SetRoom(chat_id=DAMAGED, user_id=THERAPIST, room_type="general", reply=nobody),
        send(DAMAGED),
        SetRoom(chat_id=SOUND, user_id=THERAPIST, room_type="general", reply=nobody),
    )
    assert isinstance(broken, Damaged)
    assert isinstance(said, Sent)
    assert isinstance(changed, Changed)
    assert sql("SELECT room_type FROM messaging_chatroom WHERE chat_id = %s", DAMAGED) == [
        ("therapy",)
    ]


def test_what_was_committed_is_not_called_unknown_for_a_chat_that_cannot_be_shown(
    chats: None,
) -> None:
    sql(TEXT_ALTERED, DAMAGED)
    blocked, changed, sent = batch(
        SetStatus(chat_id=DAMAGED, user_id=THERAPIST, status="blocked", reply=nobody),
        SetStatus(chat_id=SOUND, user_id=THERAPIST, status="blocked", reply=nobody),
        send(SOUND),
    )
    assert isinstance(blocked, Changed)
    assert [happening.chats for happening in blocked.happenings] == [None]
    assert isinstance(changed, Changed)
    shown = changed.happenings[0].chats
    assert shown is not None
    assert {user_id: chat.status for user_id, chat in shown.items()} == {
        THERAPIST: "blocked",
        "p_sound": "blocked",
    }
    assert getattr(sent, "code", None) == "chat_blocked"
    query = "SELECT count(*) FROM messaging_chat WHERE blocked_by_therapist_at IS NOT NULL"
    assert sql(query) == [(2,)]


def test_a_block_takes_hold_though_the_chat_cannot_be_shown(server: LiveServer, pair: Pair) -> None:
    """Its sockets are closed at once, and who comes back is told of the damage."""
    with server.api(pair.therapist_token) as therapist, server.api(pair.patient_token) as patient:
        body = {"chat_id": pair.chat_id, "text": "words"}
        assert therapist.post("messages/", json=body).status_code == 201
        with (
            chat_socket(server, pair.chat_id, pair.patient_token) as couch,
            user_socket(server, pair.patient_id, pair.patient_token) as pocket,
        ):
            server.sql(TEXT_ALTERED, (pair.chat_id,))
            block = {"status": "blocked"}
            answer = therapist.post(f"chats/{pair.chat_id}/update_status/", json=block)
            assert answer.json()["errors"][0]["code"] == "integrity_error"
            assert couch.close_code() in (1001, 4403)
            assert pocket.close_code() == 1001
        refusal = patient.post("messages/", json=body)
        assert refusal.json()["errors"][0]["code"] == "chat_blocked"
        with user_socket(server, pair.patient_id, pair.patient_token) as pocket:
            pocket.send("resume", chats={pair.chat_id: 1}, ref=1)
            assert pocket.until("error", ref=1)["code"] == "integrity_error"
