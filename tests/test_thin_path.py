"""The seed's own examples, to the letter, and the way a message takes."""

from __future__ import annotations

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket


def test_the_seed_examples(server: LiveServer) -> None:
    token = server.login("therapist@demo.test")["access_token"]
    with server.api(token) as api:
        pair = {"therapist_id": "t_abc123", "patient_id": "p_xyz789"}
        made = api.post("chats/create_or_get_chat/", json=pair)
        assert made.status_code in (200, 201)
        assert made.json()["id"] == "CHAT_t_abc123_p_xyz789"
        assert api.post("chats/create_or_get_chat/", json=pair).status_code == 200
        sent = api.post(
            "messages/send_message/",
            json={"chat_id": "CHAT_t_abc123_p_xyz789", "text": "Hello!", "message_type": "text"},
        )
        assert sent.status_code == 201
        chats = api.get("chats/get_user_chats/", params={"user_id": "t_abc123"}).json()["results"]
        assert chats[0]["last_message_text"] == "Hello!"


def test_a_message_reaches_both_and_comes_back_as_read(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as therapist,
        chat_socket(server, pair.chat_id, pair.patient_token) as patient,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
    ):
        therapist.send("chat_message", text="Hello", ref="a", client_message_id="one")
        ack = therapist.until("chat_message", ref="a")["message"]
        heard = patient.until("chat_message")["message"]
        assert heard == ack
        assert "ref" not in patient.received[-1]
        news = phone.until("new_message")
        assert news["message"] == ack
        assert (news["chat_id"], news["sender_name"]) == (pair.chat_id, ack["sender_name"])
        patient.send("message_read", message_id=ack["id"], ref=7)
        receipt = therapist.until("message_read_receipt")
        assert (receipt["message_id"], receipt["user_id"]) == (ack["id"], pair.patient_id)
        assert patient.until("message_read_receipt", ref=7)["seq"] == 1
        with server.api(pair.therapist_token) as api:
            seen = api.get(f"messages/{ack['id']}/").json()
        assert (seen["read_status"], seen["read_by"]) == ("read", pair.patient_id)
        assert seen["read_at"] == receipt["read_at"]
