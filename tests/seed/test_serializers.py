"""The seed's serializers: every field of each."""

from __future__ import annotations

from tests.api.calls import (
    CHAT_FIELDS,
    DETAIL_FIELDS,
    MESSAGE_FIELDS,
    ROOM_FIELDS,
    ok,
    refused,
    say,
)
from tests.seed.talk import Talk


def test_chat_serializer(talk: Talk) -> None:
    assert set(talk.status("archived")) == DETAIL_FIELDS


def test_chat_list_serializer(talk: Talk) -> None:
    (listed,) = ok(talk.therapist.get("chats/"))["results"]
    assert set(listed) == CHAT_FIELDS


def test_chat_detail_serializer(talk: Talk) -> None:
    found = talk.as_patient()
    assert set(found) == DETAIL_FIELDS
    assert found["other_participant"]["full_name"] == found["therapist_full_name"]


def test_message_serializer(talk: Talk) -> None:
    said = say(talk.therapist, talk.pair.chat_id)
    assert set(ok(talk.patient.get(f"messages/{said['id']}/"))) == MESSAGE_FIELDS


def test_message_list_serializer(talk: Talk) -> None:
    say(talk.therapist, talk.pair.chat_id)
    (listed,) = ok(talk.patient.get(f"messages/?chat_id={talk.pair.chat_id}"))["results"]
    assert set(listed) == MESSAGE_FIELDS


def test_message_create_serializer(talk: Talk) -> None:
    refused(talk.patient.post("messages/", json={"text": 1}), 400, "required", "chat_id")
    refused(talk.try_to_say(talk.patient, text=1), 400, "invalid", "text")
    refused(talk.try_to_say(talk.patient, colour="red"), 400, "unknown_field", "colour")


def test_chat_room_serializer(talk: Talk) -> None:
    assert set(ok(talk.patient.get(f"{talk.room}/"))) == ROOM_FIELDS


def test_chat_room_list_serializer(talk: Talk) -> None:
    (listed,) = ok(talk.patient.get("chat-rooms/"))["results"]
    assert set(listed) == {"id", "chat_id", "room_type", "is_active"}
