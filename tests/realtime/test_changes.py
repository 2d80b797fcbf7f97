"""Changes on the sockets: in their place in the sequence, to both, as each may see them."""

from __future__ import annotations

from tests.api.calls import connect, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.realtime.tools import heard


def test_an_edit_is_told_to_both_and_acked(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as writer,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
    ):
        writer.send("chat_message", text="find", ref=1)
        message_id = writer.until("chat_message", ref=1)["message"]["id"]
        for socket in (phone, desk, pocket):
            socket.next()
        writer.send("message_edited", message_id=message_id, text="fine", ref=2)
        ack = writer.next()
        edited = {
            "type": "message_edited", "message_id": message_id, "new_text": "fine",
            "edited_at": ack["edited_at"], "seq": 2,
        }  # fmt: skip
        assert ack == {**edited, "ref": 2}
        assert desk.next() == edited
        for socket in (phone, pocket):
            assert socket.next() == {**edited, "chat_id": pair.chat_id}
        # The same words again take no number: the one who asked is answered, alone.
        writer.send("message_edited", message_id=message_id, text="fine", ref=3)
        assert writer.next() == {**edited, "ref": 3}
        assert heard(desk) == []


def test_a_delete_is_told_and_replayed_without_a_word(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.patient_id, pair.patient_token) as writer,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
    ):
        writer.send("chat_message", chat_id=pair.chat_id, text="CANARY one", ref=1)
        message_id = writer.until("chat_message", ref=1)["message"]["id"]
        writer.send(
            "message_edited", chat_id=pair.chat_id, message_id=message_id, text="CANARY 2", ref=2
        )
        writer.until("message_edited", ref=2)
        writer.send("message_deleted", chat_id=pair.chat_id, message_id=message_id, ref=3)
        gone = writer.until("message_deleted", ref=3)
        assert gone == {
            "type": "message_deleted", "message_id": message_id, "seq": 3, "ref": 3,
            "chat_id": pair.chat_id, "deleted_at": gone["deleted_at"],
        }  # fmt: skip
        assert desk.until("message_deleted")["message_id"] == message_id
        desk.send("resume", after_seq=0, ref=4)
        desk.until("resumed", ref=4)
        replay = desk.received[-4:-1]
        assert [frame["type"] for frame in replay] == [
            "chat_message", "message_edited", "message_deleted",
        ]  # fmt: skip
        assert "CANARY" not in str(replay)
        with connect(server, pair.patient_token) as api:
            restored = ok(api.post(f"messages/{message_id}/restore_message/"))
        frame = desk.next()
        assert (frame["type"], frame["seq"], frame["message"]) == ("message_restored", 4, restored)
        desk.send("resume", after_seq=0, ref=5)
        desk.until("resumed", ref=5)
        created, edited, _, _ = desk.received[-5:-1]
        assert created["message"]["text"] == edited["new_text"] == "CANARY 2"


def test_what_a_later_edit_replaced_is_null_in_a_replay(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.patient_token) as api:
        said = say(api, pair.chat_id, "1")
        for text in ("2", "3"):
            ok(api.post(f"messages/{said['id']}/edit_message/", json={"text": text}))
    with chat_socket(server, pair.chat_id, pair.therapist_token) as desk:
        desk.send("resume", after_seq=0)
        edits = [desk.next() for _ in range(4)][1:3]
        assert [frame["new_text"] for frame in edits] == [None, "3"]


def test_a_flag_comes_as_a_flag_then_as_an_emergency(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.therapist_id, pair.therapist_token) as pocket,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        connect(server, pair.patient_token) as api,
    ):
        said = say(api, pair.chat_id, "worse")
        for socket in (pocket, phone, desk):
            socket.next()
        alert = ok(api.post(f"messages/{said['id']}/mark_emergency/"))["emergency_alert"]
        flag = {"type": "emergency_flagged", "message_id": said["id"], "seq": 2}
        updated = {"type": "emergency_updated", "emergency_alert": alert}
        scope = {"chat_id": pair.chat_id}
        assert pocket.next() == {**flag, **scope}
        urgent = pocket.next()
        assert (urgent["type"], urgent["message"]["emergency"]) == ("emergency_message", True)
        assert pocket.next() == {**updated, **scope}
        assert [phone.next(), phone.next()] == [{**flag, **scope}, {**updated, **scope}]
        assert [desk.next(), desk.next()] == [flag, updated]
        desk.send("message_delivered", seq=2)
        assert phone.until("emergency_updated")["emergency_alert"]["state"] == "delivered"
        with connect(server, pair.therapist_token) as therapist:
            ok(therapist.post(f"emergencies/{alert['id']}/acknowledge/"))
        assert phone.until("emergency_updated")["emergency_alert"]["state"] == "acknowledged"
        assert pocket.until("emergency_updated")["emergency_alert"]["state"] == "delivered"
        assert pocket.until("emergency_updated")["emergency_alert"]["state"] == "acknowledged"


def test_a_replay_tells_a_later_flag_once(server: LiveServer, pair: Pair) -> None:
    with connect(server, pair.patient_token) as api:
        said = say(api, pair.chat_id, "calm")
        say(api, pair.chat_id, "now", emergency=True)
        ok(api.post(f"messages/{said['id']}/mark_emergency/"))
    with user_socket(server, pair.therapist_id, pair.therapist_token) as pocket:
        pocket.send("resume", chats={pair.chat_id: 0})
        told = [pocket.next()["type"] for _ in range(5)]
    assert told == [
        "new_message", "emergency_message", "emergency_flagged", "emergency_message", "resumed",
    ]  # fmt: skip


def test_nobody_in_time_is_told_to_both(server: LiveServer, pair: Pair) -> None:
    with (
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        chat_socket(server, pair.chat_id, pair.therapist_token) as desk,
        connect(server, pair.patient_token) as api,
    ):
        say(api, pair.chat_id, "help", emergency=True)
        server.sql(
            "UPDATE messaging_emergencyalert SET due_at = now() WHERE chat_id = %s", (pair.chat_id,)
        )
        for socket in (phone, desk):
            assert socket.until("emergency_updated")["emergency_alert"]["state"] == "raised"
            frame = socket.until("emergency_updated")
            assert frame["emergency_alert"]["state"] == "exhausted"


def test_a_refused_emergency_says_whom_to_call(server: LiveServer, pair: Pair) -> None:
    with user_socket(server, pair.patient_id, pair.patient_token) as phone:
        unknown = f"CHAT_t_nobody000_{pair.patient_id}"
        for ref, fields in enumerate(
            (
                {"chat_id": unknown, "text": "x", "emergency": True},
                {"chat_id": pair.chat_id, "text": " ", "emergency": True},
                {"chat_id": pair.chat_id, "emergency": True},
                {"text": "x", "emergency": True},
            )
        ):
            phone.send("chat_message", ref=ref, **fields)
            assert phone.until("error", ref=ref)["crisis_resources"]
        phone.connection.send(b'{"type": "chat_message", "text": "x", "emergency": true}')
        assert phone.until("error", code="binary_frame")["crisis_resources"]
        phone.connection.send(b"\x00\x01")
        assert "crisis_resources" not in phone.until("error", code="binary_frame")
        phone.send("chat_message", chat_id=unknown, text="x", ref="calm")
        assert "crisis_resources" not in phone.until("error", ref="calm")


def test_a_rooms_change_is_told_with_the_chat(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
        connect(server, pair.therapist_token) as api,
    ):
        room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/"
        ok(api.patch(room, json={"description": "Tuesdays", "tags": ["a"]}))
        frame = couch.next()
        assert (frame["type"], frame["seq"]) == ("chat_updated", 1)
        assert frame["chat"]["room"]["description"] == "Tuesdays"
        ok(api.post(f"{room}archive_room/"))
        assert couch.next()["chat"]["room"]["is_active"] is False
        assert couch.next()["message"]["payload"] == {"event": "room_archived"}


def test_hidden_history_keeps_only_its_place(server: LiveServer, pair: Pair) -> None:
    with (
        connect(server, pair.therapist_token) as therapist,
        connect(server, pair.patient_token) as patient,
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
    ):
        old = say(therapist, pair.chat_id, "CANARY old")
        mine = say(patient, pair.chat_id, "CANARY mine")
        phone.until("chat_message")
        room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
        ok(therapist.post(room, json={"patient_can_see_history": False}))
        phone.until("chat_updated")
        quoting = say(therapist, pair.chat_id, "as I said", reply_to=old["id"])
        assert quoting["reply_to_text"] == "CANARY old"
        news = phone.until("new_message")["message"]
        assert (news["reply_to"], news["reply_to_text"]) == (old["id"], None)
        ok(therapist.post(f"messages/{old['id']}/edit_message/", json={"text": "CANARY new"}))
        assert phone.next() == {"type": "hidden", "seq": 5, "chat_id": pair.chat_id}
        with chat_socket(server, pair.chat_id, pair.patient_token) as couch:
            couch.send("resume", after_seq=0)
            frames = [couch.next() for _ in range(6)]
        assert [frame["type"] for frame in frames] == [
            "hidden", "hidden", "chat_updated", "chat_message", "hidden", "resumed",
        ]  # fmt: skip
        assert frames[0] == {"type": "hidden", "seq": 1, "chat_id": pair.chat_id}
        events = patient.get(f"chats/{pair.chat_id}/events/")
        assert events.json()["events"][0] == {"seq": 1, "type": "hidden"}
        for path in (
            f"messages/?chat_id={pair.chat_id}", "chats/", f"chats/{pair.chat_id}/",
            f"messages/get_unread_messages/?chat_id={pair.chat_id}",
        ):  # fmt: skip
            assert "CANARY" not in patient.get(path).text
        assert "CANARY" not in events.text + str(frames)
        found = patient.post("messages/search/", json={"q": "canary"})
        assert ok(found)["results"] == []
        for message in (old, mine):
            assert patient.get(f"messages/{message['id']}/").status_code == 404
            assert patient.get(f"messages/{message['id']}/history/").status_code == 404
        for action in ("edit_message", "delete_message", "mark_emergency"):
            body = {"text": "x"} if action == "edit_message" else {}
            answer = patient.post(f"messages/{mine['id']}/{action}/", json=body)
            assert answer.status_code == 404
        chat = ok(patient.get(f"chats/{pair.chat_id}/"))
        assert chat["unread_count"] == 1
        ok(therapist.post(room, json={"patient_can_see_history": True}))
        assert "CANARY new" in patient.get(f"messages/?chat_id={pair.chat_id}").text
        assert ok(patient.get(f"chats/{pair.chat_id}/"))["unread_count"] == 2


def test_a_retry_of_what_is_hidden_by_now_is_still_acked(server: LiveServer, pair: Pair) -> None:
    with (
        connect(server, pair.therapist_token) as therapist,
        connect(server, pair.patient_token) as patient,
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
    ):
        old = say(therapist, pair.chat_id, "CANARY old")
        asked = {"text": "help", "emergency": True, "client_message_id": "e"}
        reply = {"text": "yes", "reply_to": old["id"], "client_message_id": "r"}
        couch.send("chat_message", ref=1, **asked)
        first = couch.until("chat_message", ref=1)
        couch.send("chat_message", ref=2, **reply)
        assert couch.until("chat_message", ref=2)["message"]["reply_to_text"] == "CANARY old"
        room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
        ok(therapist.post(room, json={"patient_can_see_history": False}))
        couch.send("chat_message", ref=3, **asked)
        again = couch.until("chat_message", ref=3)
        assert again["message"]["id"] == first["message"]["id"]
        assert again["emergency_alert"]["id"] == first["emergency_alert"]["id"]
        assert again["crisis_resources"]
        couch.send("chat_message", ref=4, **reply)
        assert couch.until("chat_message", ref=4)["message"]["reply_to_text"] is None
        by_rest = ok(patient.post("messages/", json={"chat_id": pair.chat_id, **reply}))
        assert (by_rest["reply_to"], by_rest["reply_to_text"]) == (old["id"], None)
