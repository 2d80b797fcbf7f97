"""Who hears a message, as which frame, and what an ack means."""

from __future__ import annotations

from tests.api.calls import MESSAGE_FIELDS, connect, new_patients, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard


def test_every_device_of_both_hears_it_once(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as sender,
        chat_socket(server, pair.chat_id, pair.patient_token) as tablet,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
    ):
        sender.send("chat_message", text="Hello", ref="r-1")
        ack = sender.until("chat_message")
        assert set(ack) == {"type", "message", "ref"}
        assert ack["ref"] == "r-1"
        assert set(ack["message"]) == MESSAGE_FIELDS
        said = {"type": "chat_message", "message": ack["message"]}
        assert heard(tablet) == [said]
        assert heard(desk) == [said]
        assert heard(phone) == [{**said, "chat_id": pair.chat_id}]
        assert heard(pocket) == [
            {
                "type": "new_message",
                "message": ack["message"],
                "chat_id": pair.chat_id,
                "sender_name": ack["message"]["sender_name"],
                "notify": True,
            }
        ]
        assert heard(sender) == []


def test_an_ack_comes_after_the_row(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as sender:
        for number in range(1, 31):
            sender.send("chat_message", text=str(number), ref=number)
            ack = sender.until("chat_message", ref=number)
            found = server.sql(
                "SELECT count(*) FROM messaging_message WHERE chat_id = %s AND seq = %s",
                (pair.chat_id, ack["message"]["seq"]),
            )
            assert found == [(1,)]
            assert ack["message"]["seq"] == number


def test_a_user_socket_sends_and_is_acked_with_the_chat(server: LiveServer, pair: Pair) -> None:
    with user_socket(server, pair.therapist_id, pair.therapist_token) as pocket:
        pocket.send("chat_message", chat_id=pair.chat_id, text="Hi", ref=5)
        ack = pocket.until("chat_message")
        assert (ack["chat_id"], ack["ref"], ack["message"]["text"]) == (pair.chat_id, 5, "Hi")
        pocket.send("chat_message", text="Hi", ref=6)
        error = pocket.until("error")
        assert (error["code"], error["ref"]) == ("required", 6)


def test_an_emergency_has_its_own_frame(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
    ):
        phone.send("chat_message", chat_id=pair.chat_id, text="Now", emergency=True)
        frame = pocket.next()
        assert set(frame) == {"type", "message", "chat_id", "sender_name"}
        assert (frame["type"], frame["chat_id"]) == ("emergency_message", pair.chat_id)
        assert frame["message"]["emergency"] is True
        assert "crisis_resources" not in frame["message"]
        assert desk.next()["type"] == "chat_message"
        ack = phone.next()
        assert ack["type"] == "chat_message"
        assert ack["crisis_resources"] == ack["message"]["crisis_resources"]
        assert ack["crisis_resources"]
        assert ack["emergency_alert"] == ack["message"]["emergency_alert"]
        for socket in (pocket, desk, phone):
            told = socket.next()
            assert told["type"] == "emergency_updated"
            assert told["emergency_alert"] == ack["emergency_alert"]
        with connect(server, pair.therapist_token) as api:
            say(api, pair.chat_id, "On my way", emergency=True)
        assert phone.next()["type"] == "emergency_message"


def test_what_rest_sends_is_pushed(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as patient,
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
        connect(server, pair.therapist_token) as api,
    ):
        message = say(api, pair.chat_id, "by REST")
        assert patient.next() == {"type": "chat_message", "message": message}
        assert pocket.next() == {
            "type": "chat_message", "message": message, "chat_id": pair.chat_id,
        }  # fmt: skip


def test_a_repeat_is_acked_alone(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as sender,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
    ):
        sender.send("chat_message", text="once", client_message_id="c", ref=1)
        first = sender.until("chat_message", ref=1)["message"]
        desk.until("chat_message")
        sender.send("chat_message", text="once", client_message_id="c", ref=2)
        assert sender.until("chat_message", ref=2)["message"] == first
        sender.send("chat_message", text="other", client_message_id="c", ref=3)
        assert sender.until("error", ref=3)["code"] == "idempotency_conflict"
        assert heard(desk) == []


def test_many_in_flight_come_back_in_order(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as sender,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
    ):
        for number in range(100):
            sender.send("chat_message", text=str(number), ref=number)
        acks = [sender.until("chat_message", ref=number)["message"] for number in range(100)]
        assert [message["seq"] for message in acks] == list(range(1, 101))
        assert [message["text"] for message in acks] == [str(number) for number in range(100)]
        assert [desk.until("chat_message")["message"] for _ in acks] == acks


def test_a_chat_made_after_the_socket_is_heard(server: LiveServer, pair: Pair) -> None:
    (patient_id,) = new_patients(server, pair.therapist_id, 1)
    with (
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
        connect(server, pair.therapist_token) as api,
    ):
        body = {"therapist_id": pair.therapist_id, "patient_id": patient_id}
        chat_id = ok(api.post("chats/create_or_get_chat/", json=body), 201)["id"]
        message = say(api, chat_id, "first")
        assert pocket.until("chat_message")["message"] == message


def test_outsiders_hear_nothing(server: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as sender,
        chat_socket(server, other_pair.chat_id, other_pair.therapist_token) as desk,
        user_socket(server, other_pair.therapist_id, other_pair.therapist_token) as pocket,
    ):
        sender.send("chat_message", text="ours", emergency=True, ref=1)
        message = sender.until("chat_message")["message"]
        sender.send("typing", is_typing=True)
        sender.send("message_read", seq=1, ref=2)
        sender.until("message_read_receipt", ref=2)
        for outsider in (desk, pocket):
            assert heard(outsider) == []
        pocket.send("chat_message", chat_id=pair.chat_id, text="let me in", ref=1)
        assert pocket.until("error", ref=1)["code"] == "not_found"
        pocket.send("message_read", chat_id=pair.chat_id, message_id=message["id"], ref=2)
        assert pocket.until("error", ref=2)["code"] == "not_found"
        pocket.send("typing", chat_id=pair.chat_id, is_typing=True, ref=3)
        assert pocket.until("error", ref=3)["code"] == "not_found"
        desk.send("message_read", message_id=message["id"], ref=4)
        assert desk.until("error", ref=4)["code"] == "not_found"
        assert heard(sender) == []
