"""Typing: to the other alone, and over after five seconds."""

from __future__ import annotations

import time

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard


def test_it_is_told_to_the_other_and_never_to_the_typist(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as typist,
        user_socket(server, pair.patient_id, pair.patient_token) as own_phone,
        chat_socket(server, pair.chat_id, pair.patient_token) as own_tablet,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
    ):
        began = time.monotonic()
        typist.send("typing", is_typing=True)
        frame = {"type": "typing_indicator", "user_id": pair.patient_id, "is_typing": True}
        assert desk.next() == frame
        assert pocket.next() == {**frame, "chat_id": pair.chat_id}
        assert desk.next() == {**frame, "is_typing": False}
        assert 4.5 < time.monotonic() - began < 6.5
        assert pocket.next()["is_typing"] is False
        for own in (typist, own_phone, own_tablet):
            assert heard(own) == []


def test_it_stops_when_told_and_says_so_once(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.therapist_id, pair.therapist_token) as typist,
        chat_socket(server, pair.chat_id, pair.patient_token) as other,
    ):
        typist.send("typing", chat_id=pair.chat_id, is_typing=True)
        typist.send("typing", chat_id=pair.chat_id, is_typing=False)
        typist.send("typing", chat_id=pair.chat_id, is_typing=False)
        assert [other.next()["is_typing"] for _ in range(2)] == [True, False]
        assert heard(typist) == []
        assert heard(other) == []


def test_it_names_a_chat_of_ones_own(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with user_socket(server, pair.therapist_id, pair.therapist_token) as pocket:
        for ref, chat_id in enumerate(
            (other_pair.chat_id, f"CHAT_{pair.therapist_id}_p_nobody000", "x", "")
        ):
            pocket.send("typing", chat_id=chat_id, is_typing=True, ref=ref)
            assert pocket.until("error", ref=ref)["code"] == "not_found"
        pocket.send("typing", chat_id=pair.chat_id, is_typing="yes", ref=9)
        assert pocket.until("error", ref=9)["code"] == "invalid_frame"
