"""What happens on one node is heard on the other: everything of the contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.attachments.files import uploaded
from tests.cluster.conftest import Nodes, make_node
from tests.harness.processes import when
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket, user_socket
from therapyconnect.realtime.linked import BEAT_SECONDS
from therapyconnect.realtime.sealed import ParcelSeal
from therapyconnect.vault.keyring import ring_from_file

Two = tuple[SocketClient, SocketClient]
LONG = 15.0


@contextmanager
def both(nodes: Nodes, pair: Pair) -> Iterator[Two]:
    """The therapist's chat socket on one node, the patient's user socket on the other."""
    with (
        chat_socket(nodes.one, pair.chat_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
    ):
        yield therapist, patient


def test_messages_go_both_ways_in_order(nodes: Nodes, pair: Pair) -> None:
    with both(nodes, pair) as (therapist, patient):
        for n in range(1, 21, 2):
            therapist.send("chat_message", text=f"t{n}", ref=n)
            assert therapist.until("chat_message", ref=n)["message"]["seq"] == n
            assert patient.until("new_message", LONG)["message"]["seq"] == n
            patient.send("chat_message", chat_id=pair.chat_id, text=f"p{n}", ref=n)
            assert patient.until("chat_message", ref=n)["message"]["seq"] == n + 1
            assert therapist.until("chat_message", LONG)["message"]["text"] == f"p{n}"
        for socket in (therapist, patient):
            kinds = ("chat_message", "new_message")
            told = [f["message"]["seq"] for f in socket.received if f["type"] in kinds]
            assert told == list(range(1, 21))


def test_edits_deletes_and_receipts(nodes: Nodes, pair: Pair) -> None:
    with both(nodes, pair) as (therapist, patient):
        therapist.send("chat_message", text="Helo", ref="a")
        message_id = therapist.until("chat_message", ref="a")["message"]["id"]
        patient.until("new_message", LONG)
        patient.send("message_read", chat_id=pair.chat_id, message_id=message_id)
        read = therapist.until("message_read_receipt", LONG)
        assert (read["seq"], read["user_id"], read["message_id"]) == (
            1, pair.patient_id, message_id,
        )  # fmt: skip
        therapist.send("message_edited", message_id=message_id, text="Hello")
        assert patient.until("message_edited", LONG)["new_text"] == "Hello"
        therapist.send("message_deleted", message_id=message_id)
        assert patient.until("message_deleted", LONG)["message_id"] == message_id


def test_typing_is_heard_and_expires(nodes: Nodes, pair: Pair) -> None:
    with both(nodes, pair) as (therapist, patient):
        therapist.send("typing", is_typing=True)
        assert patient.until("typing_indicator", LONG)["is_typing"] is True
        therapist.send("typing", is_typing=False)
        assert patient.until("typing_indicator", 4)["is_typing"] is False
        patient.send("typing", chat_id=pair.chat_id, is_typing=True)
        assert therapist.until("typing_indicator", LONG)["is_typing"] is True
        assert therapist.until("typing_indicator", LONG)["is_typing"] is False
        assert not [f for f in patient.received if f.get("user_id") == pair.patient_id
                    and f["type"] == "typing_indicator"]  # fmt: skip


def test_who_is_there(nodes: Nodes, pair: Pair) -> None:
    with user_socket(nodes.other, pair.patient_id, pair.patient_token, presence=True) as patient:
        with chat_socket(nodes.one, pair.chat_id, pair.therapist_token, presence=True) as therapist:
            there = therapist.until("presence", LONG)
            assert (there["user_id"], there["online"]) == (pair.patient_id, True)
            came = patient.until("presence", LONG)
            assert (came["user_id"], came["online"]) == (pair.therapist_id, True)
            for node in nodes:
                assert _sees(node, pair) is True
        left = patient.until("presence", LONG)
        assert (left["user_id"], left["online"]) == (pair.therapist_id, False)
    when(lambda: _sees(nodes.one, pair) is False)


def test_a_node_that_was_killed_leaves_no_ghost(nodes: Nodes, pair: Pair, tmp_path: Any) -> None:
    third = make_node(nodes.one, tmp_path / "third", nodes.broker.addresses[0])
    third.start()
    try:
        with user_socket(
            nodes.other, pair.patient_id, pair.patient_token, presence=True
        ) as patient:
            with chat_socket(third, pair.chat_id, pair.therapist_token):
                assert patient.until("presence", LONG)["online"] is True
                third.kill()
            # Whoever else is there still is; only who was on the dead node has left.
            assert patient.until("presence", 30)["online"] is False
    finally:
        third.kill()


def _sees(node: LiveServer, pair: Pair) -> bool:
    with node.api(pair.therapist_token) as api:
        detail = api.get(f"chats/{pair.chat_id}/").json()
    online: bool = detail["other_participant"]["online"]
    return online


def test_an_emergency_and_its_states(nodes: Nodes, pair: Pair) -> None:
    with (
        user_socket(nodes.one, pair.therapist_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
        nodes.one.api(pair.therapist_token) as api,
    ):
        patient.send("chat_message", chat_id=pair.chat_id, text="help", emergency=True, ref="e")
        raised = patient.until("chat_message", ref="e")["emergency_alert"]
        assert raised["state"] == "raised"
        assert therapist.until("emergency_message", LONG)["message"]["emergency"] is True
        therapist.send("message_delivered", chat_id=pair.chat_id, seq=1)
        states = [patient.until("emergency_updated", LONG)["emergency_alert"]["state"]]
        while states[-1] != "delivered":
            states.append(patient.until("emergency_updated", LONG)["emergency_alert"]["state"])
        assert api.post(f"emergencies/{raised['id']}/acknowledge/", json={}).status_code == 200
        told = patient.until("emergency_updated", LONG)["emergency_alert"]
        assert (told["id"], told["state"]) == (raised["id"], "acknowledged")


def test_a_block_closes_sockets_on_every_node(nodes: Nodes, pair: Pair) -> None:
    with (
        chat_socket(nodes.one, pair.chat_id, pair.therapist_token) as therapist,
        chat_socket(nodes.other, pair.chat_id, pair.patient_token) as patient,
        nodes.one.api(pair.therapist_token) as api,
    ):
        body = {"status": "blocked"}
        assert api.post(f"chats/{pair.chat_id}/update_status/", json=body).status_code == 200
        assert patient.close_code() == 4403
        assert therapist.close_code() == 4403


def test_a_session_revoked_on_one_node_ends_sockets_on_the_other(nodes: Nodes, pair: Pair) -> None:
    import httpx

    email = f"{pair.patient_id}@demo.test"
    tokens = nodes.one.login(email)
    with user_socket(nodes.other, pair.patient_id, tokens["access_token"]) as patient:
        answer = httpx.delete(
            f"{nodes.one.base}/_allauth/app/v1/auth/session",
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        )
        assert answer.status_code in (200, 401)
        assert patient.close_code(LONG) == 4401
    with nodes.other.api(tokens["access_token"]) as api:
        assert api.get("me/").status_code == 401


def test_a_notification_made_on_one_node(nodes: Nodes, pair: Pair) -> None:
    admin = nodes.one.login("admin@demo.test")["access_token"]
    with (
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
        nodes.one.api(admin) as api,
    ):
        body = {"user_ids": [pair.patient_id], "title": "Closed on Monday", "body": "All day."}
        assert api.post("notifications/", json=body).status_code == 201
        told = patient.until("notification", LONG)["notification"]
        assert (told["title"], told["body"]) == ("Closed on Monday", "All day.")


def test_a_files_state_is_heard_on_the_other_node_by_who_may(nodes: Nodes, pair: Pair) -> None:
    with both(nodes, pair) as (therapist, patient), nodes.one.api(pair.patient_token) as api:
        made = uploaded(api, pair.chat_id)
        told = patient.until("attachment_updated", LONG)
        assert (told["chat_id"], told["attachment"]) == (pair.chat_id, made)
        therapist.send("chat_message", text="after", ref="a")
        therapist.until("chat_message", LONG, ref="a")
        assert "attachment_updated" not in [frame["type"] for frame in therapist.received]


def test_a_chat_made_on_one_node_is_heard_on_the_other(nodes: Nodes, pair: Pair) -> None:
    admin = nodes.one.login("admin@demo.test")["access_token"]
    ids = {"therapist_id": "t_def456", "patient_id": pair.patient_id}
    token = nodes.other.login("therapist2@demo.test")["access_token"]
    with (
        user_socket(nodes.other, "t_def456", token) as therapist,
        nodes.one.api(admin) as api,
        nodes.one.api(pair.patient_token) as patient,
    ):
        assert api.post("care-relationships/", json=ids).status_code == 201
        chat_id = patient.post("chats/create_or_get_chat/", json=ids).json()["id"]
        patient.post("messages/", json={"chat_id": chat_id, "text": "first"})
        heard = therapist.until("new_message", LONG)
        assert (heard["chat_id"], heard["message"]["seq"]) == (chat_id, 1)


def test_no_word_crosses_between_nodes(nodes: Nodes, pair: Pair) -> None:
    """All that the nodes tell each other, heard by a third party on the same broker."""
    admin = nodes.one.login("admin@demo.test")["access_token"]

    def talk() -> None:
        with both(nodes, pair) as (therapist, patient):
            for n in range(5):
                therapist.send("chat_message", text=f"CANARY {n}", client_message_id=f"CANARY{n}")
                patient.until("new_message", LONG)
            with nodes.one.api(admin) as api:
                api.post("notifications/", json={"user_ids": [pair.patient_id], "title": "CANARY"})
            patient.until("notification", LONG)

    heard = nodes.broker.eavesdrop(talk)
    assert len(heard) >= 6  # else nothing was heard
    ids = [pair.chat_id, pair.therapist_id, pair.patient_id]
    sealed = nodes.broker.sealed(heard)
    for said in (heard, sealed):
        assert not [word for word in ("CANARY", *ids) if word.encode() in b"".join(said)]
    # Nor does who holds the keys read more than ids there.
    seal = ParcelSeal(ring_from_file(nodes.one.data / "keys" / "ring.json"))
    opened = [seal.open(parcel) for parcel in sealed]
    assert None not in opened
    inside = b"".join(parcel or b"" for parcel in opened)
    assert [id for id in ids if id.encode() in inside] == ids
    assert b"CANARY" not in inside


def test_what_was_told_once_says_nothing_when_it_is_told_again(nodes: Nodes, pair: Pair) -> None:
    """By a broker that repeats itself, or by somebody who listened to it."""
    with both(nodes, pair) as (therapist, patient):

        def talk() -> None:
            for n in (1, 2):
                therapist.send("chat_message", text=f"m{n}", ref=n)
                patient.until("new_message", LONG)
                patient.send("message_read", chat_id=pair.chat_id, seq=n)
                therapist.until("message_read_receipt", LONG)
            for is_typing in (True, False):
                patient.send("typing", chat_id=pair.chat_id, is_typing=is_typing)
                therapist.until("typing_indicator", LONG, is_typing=is_typing)

        heard = nodes.broker.eavesdrop(talk)
        assert len(heard) >= 6
        for socket in (therapist, patient):
            while not socket.silent():
                pass  # answers to their own frames
        nodes.broker.repeat(heard)
        assert therapist.silent(1.5)
        assert patient.silent(0.1)
        therapist.send("chat_message", text="m3", ref=3)
        assert patient.until("new_message", LONG)["message"]["seq"] == 3


def test_a_refused_socket_takes_nobody_away(nodes: Nodes, pair: Pair, other: Pair) -> None:
    """Their other socket is still open, and both nodes go on to say so."""
    with user_socket(nodes.other, pair.patient_id, pair.patient_token):
        with pytest.raises(InvalidStatus):
            chat_socket(nodes.other, other.chat_id, pair.patient_token)
        time.sleep(BEAT_SECONDS + 1)
        assert [_sees(node, pair) for node in nodes] == [True, True]
