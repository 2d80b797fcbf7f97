"""The sockets' document: complete, and true. Its examples are sent, and all that is heard fits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from jsonschema import Draft7Validator

from tests.api.calls import connect, ok, refused, say
from tests.attachments.files import uploaded
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import Frame, SocketClient, chat_socket, user_socket
from tests.realtime.tools import chat_path, heard, refusal
from therapyconnect.core.rest.schema import Error
from therapyconnect.realtime import frames
from therapyconnect.realtime.asyncapi import channels, examples

Document = dict[str, Any]
DEMO_IDS = {"t_abc123": "therapist_id", "p_xyz789": "patient_id"}


@pytest.fixture(scope="module")
def document(server: LiveServer) -> Document:
    with connect(server, None) as api:
        found: Document = ok(api.get("asyncapi/"))
    return found


class Fits:
    """Whether a payload is what the document says of a message; `faults` is empty where it is."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._validators: dict[str, Draft7Validator] = {}

    def faults(self, channel: str, direction: str, payload: Frame) -> list[str]:
        messages = self._document["channels"][channel]["messages"]
        named = [
            message
            for name, message in messages.items()
            if message["name"] == payload["type"] and name.endswith(direction)
        ]
        if len(named) != 1:
            return [f"{payload['type']}: {len(named)} messages of that name"]
        reference = named[0]["payload"]["$ref"]
        unknown = set(payload) - set(self._fields(reference))
        found = [
            f"{payload['type']}: {error.message}" for error in self._errors(reference, payload)
        ]
        return found + [f"{payload['type']}: {name} is not documented" for name in unknown]

    def _errors(self, reference: str, payload: Any) -> Any:
        if reference not in self._validators:
            schema = {"components": self._document["components"], "allOf": [{"$ref": reference}]}
            self._validators[reference] = Draft7Validator(schema)
        return self._validators[reference].iter_errors(payload)

    def _fields(self, reference: str) -> dict[str, Any]:
        schema = self._document["components"]["schemas"][reference.rpartition("/")[2]]
        fields: dict[str, Any] = dict(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            fields |= self._fields(part["$ref"])
        return fields


@pytest.fixture(scope="module")
def fits(document: Document) -> Fits:
    return Fits(document)


# --- the document ---------------------------------------------------------------------------------


def test_it_is_for_anyone_and_names_no_other_host(server: LiveServer, document: Document) -> None:
    here = document["servers"]["here"]
    assert document["asyncapi"] == "3.0.0"
    assert (here["host"], here["protocol"]) == (f"127.0.0.1:{server.port}", "ws")
    assert not re.findall(r"https?://|wss?://", json.dumps(document))
    with connect(server, None) as api:
        answer = api.get("asyncapi/")
        assert answer.headers["Content-Type"] == "application/json"
        other = api.get("schema/").headers
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"):
            assert answer.headers[name] == other[name]
        assert api.get("asyncapi/", headers={"Host": "evil.example"}).status_code == 400
        refused(api.post("asyncapi/", json={}), 405, "method_not_allowed")
    with connect(server, "no.such.token") as api:
        assert ok(api.get("asyncapi/")) == document


def test_every_frame_is_in_it_where_it_belongs(document: Document) -> None:
    asked = {kind.__name__ for kind in frames.AnyAsked.__args__}
    said = {kind.__name__ for kind in vars(frames).values() if _is_said(kind)}
    assert len(asked) >= 9
    assert len(said) >= 18
    user_only = {"NewMessageSaid", "EmergencyMessageSaid", "NotificationSaid"}
    found = {key: set(channel["messages"]) for key, channel in document["channels"].items()}
    assert found == {"chat": asked | said - user_only, "user": asked | said}
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert addresses == ["/ws/chat/{chat_id}/", "/ws/notifications/{user_id}/"]


def _is_said(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, frames.Said) and kind is not frames.Said


def test_every_frame_is_told_in_words_with_examples(document: Document, fits: Fits) -> None:
    for key, channel in document["channels"].items():
        for name, message in channel["messages"].items():
            assert message["summary"].endswith("."), name
            assert message["examples"], name
            direction = "Said" if name.endswith("Said") else "Asked"
            for example in message["examples"]:
                payload = example["payload"]
                assert fits.faults(key, direction, payload) == []
                if direction == "Asked":
                    decoded = frames.decode.decode(json.dumps(payload))
                    assert type(decoded).__name__ == name
                else:
                    msgspec.convert(payload, getattr(frames, name), strict=True)


def test_the_table_has_an_example_of_every_frame() -> None:
    assert set(examples.EXAMPLES) == {*channels.ASKED, *channels.SAID}
    assert set(channels.ANSWERS) == set(channels.ASKED)


def test_the_stricter_schemas_hold(fits: Fits) -> None:
    """What each socket asks of a frame beyond its type."""
    assert fits.faults("chat", "Asked", {"type": "typing", "is_typing": True}) == []
    assert fits.faults("user", "Asked", {"type": "typing", "is_typing": True}) != []
    assert fits.faults("chat", "Asked", {"type": "resume"}) != []
    assert fits.faults("user", "Asked", {"type": "resume", "after_seq": 1}) != []
    assert fits.faults("user", "Asked", {"type": "resume", "chats": {"CHAT_x": "1"}}) != []
    assert fits.faults("chat", "Said", {"type": "new_message"}) != []
    assert fits.faults("user", "Said", {"type": "pong"}) == []
    broken = {
        "type": "new_message",
        "chat_id": "x",
        "message": 3,
        "sender_name": "x",
        "notify": True,
    }
    assert fits.faults("user", "Said", broken) != []


def test_schemas_have_plain_names_and_one_shape_each(document: Document) -> None:
    """A generator makes type names of them; two structs of one name must say the same."""
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not name.isidentifier()] == []
    _, of_errors = msgspec.json.schema_components([Error])
    assert len(of_errors) >= 2
    for name, own in of_errors.items():
        assert schemas[name]["properties"].keys() == own["properties"].keys()


def test_operations_are_the_servers(document: Document) -> None:
    operations = document["operations"]
    for key in ("chat", "user"):
        assert operations[f"{key}.hear"]["action"] == "send"
        for kind in frames.AnyAsked.__args__:
            operation = operations[f"{key}.{kind.__struct_config__.tag}"]
            assert operation["action"] == "receive"
            assert operation["messages"] == [{"$ref": f"#/channels/{key}/messages/{kind.__name__}"}]
            assert operation["reply"]["messages"][-1]["$ref"].endswith("/ErrorSaid")
    assert len(operations) == 2 * (len(frames.AnyAsked.__args__) + 1)


# --- the server against it ------------------------------------------------------------------------


def _on(server: LiveServer, channel: str, pair: Pair, role: str, **options: Any) -> SocketClient:
    user_id, token = (
        (pair.therapist_id, pair.therapist_token)
        if role == "therapist"
        else (pair.patient_id, pair.patient_token)
    )
    if channel == "chat":
        return chat_socket(server, pair.chat_id, token, **options)
    return user_socket(server, user_id, token, **options)


@pytest.mark.parametrize("channel", ["chat", "user"])
def test_every_example_of_a_client_is_answered_as_told(
    server: LiveServer, document: Document, fits: Fits, pair: Pair, channel: str
) -> None:
    """With the pair's ids in the place of the demo's; the eight messages are the patient's."""
    with connect(server, pair.patient_token) as api:
        for number in range(8):
            say(api, pair.chat_id, f"line {number}")
    ran = 0
    with (
        _on(server, channel, pair, "patient") as patient,
        _on(server, channel, pair, "therapist") as therapist,
    ):
        for kind in frames.AnyAsked.__args__:
            name = kind.__struct_config__.tag
            reply = document["operations"][f"{channel}.{name}"]["reply"]["messages"]
            expected = [
                _name_at(document, one["$ref"]) for one in reply if "Error" not in one["$ref"]
            ]
            receipt = name in ("message_read", "message_delivered")
            asking, other = (therapist, patient) if receipt else (patient, therapist)
            for example in document["channels"][channel]["messages"][kind.__name__]["examples"]:
                payload = _with_ids_of(pair, example["payload"])
                if name == "authenticate":
                    payload["token"] = pair.patient_token
                asking.send(**payload)
                ref = {"ref": payload["ref"]} if "ref" in payload else {}
                if expected:
                    answer = asking.until(expected[0], **ref)
                    assert fits.faults(channel, "Said", answer) == []
                else:
                    assert "error" not in [frame["type"] for frame in heard(asking)]
                if name == "typing":
                    other.until("typing_indicator", user_id=pair.patient_id, is_typing=True)
                ran += 1
        for socket in (patient, therapist):
            heard(socket)
            assert "error" not in [frame["type"] for frame in socket.received]
    assert ran >= 13


def _with_ids_of(pair: Pair, payload: Frame) -> Frame:
    text = json.dumps(payload)
    for demo, own in DEMO_IDS.items():
        text = text.replace(demo, getattr(pair, own))
    found: Frame = json.loads(text)
    return found


def _name_at(document: Document, reference: str) -> str:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    name: str = found["name"]
    return name


def test_every_frame_of_the_server_is_heard_and_fits(
    server: LiveServer, document: Document, fits: Fits, pair: Pair
) -> None:
    """One chat's life, driven by REST and sockets; on each kind of socket every type is heard."""
    sockets: list[tuple[str, SocketClient]] = []
    with ExitStack() as stack:

        def opened(channel: str, role: str) -> SocketClient:
            socket = stack.enter_context(_on(server, channel, pair, role, presence=True))
            sockets.append((channel, socket))
            return socket

        therapist = stack.enter_context(connect(server, pair.therapist_token))
        patient = stack.enter_context(connect(server, pair.patient_token))
        admin = stack.enter_context(
            connect(server, server.login("admin@demo.test")["access_token"])
        )
        desk, pocket = opened("chat", "therapist"), opened("user", "therapist")
        couch, phone = opened("chat", "patient"), opened("user", "patient")

        _talk(pair, therapist, patient, couch)
        _ephemeral(pair, couch, phone, desk)
        uploaded(patient, pair.chat_id)
        for socket in (couch, phone):
            socket.until("attachment_updated", timeout=30)
        _hide(pair, therapist, phone)
        body = {"user_ids": [pair.patient_id, pair.therapist_id], "title": "Maintenance"}
        ok(admin.post("notifications/", json=body), 201)
        for socket in (pocket, phone):
            socket.until("notification")
        couch.send("resume", after_seq=0, ref="again")
        desk.send("resume", after_seq=0, ref="again")
        phone.send("resume", chats={pair.chat_id: 0}, ref="again")
        pocket.send("resume", chats={pair.chat_id: 0}, ref="again")
        for _, socket in sockets:
            socket.until("resumed", ref="again")
            heard(socket)

    faults = [
        fault
        for channel, socket in sockets
        for frame in socket.received
        for fault in fits.faults(channel, "Said", frame)
    ]
    assert faults == []
    for key, channel in document["channels"].items():
        told = {m["name"] for name, m in channel["messages"].items() if name.endswith("Said")}
        found = {f["type"] for own, socket in sockets if own == key for f in socket.received}
        assert told - found == set(), key


def _talk(pair: Pair, therapist: Any, patient: Any, couch: SocketClient) -> None:
    """Messages and all that becomes of them; an emergency until it is resolved."""
    asked = say(therapist, pair.chat_id, "How are you?")
    ok(patient.post(f"messages/{asked['id']}/mark_delivered/", json={}))
    ok(patient.post(f"messages/{asked['id']}/mark_read/", json={}))
    for action, body in (
        ("edit_message", {"text": "How are you today?"}),
        ("mark_emergency", {}),
        ("delete_message", {}),
        ("restore_message", {}),
    ):
        ok(therapist.post(f"messages/{asked['id']}/{action}/", json=body))
    couch.send("chat_message", text="Not well.", emergency=True, ref="help")
    ack = couch.until("chat_message", ref="help")
    assert ack["crisis_resources"]
    alert = ack["emergency_alert"]
    ok(therapist.post(f"messages/{ack['message']['id']}/mark_read/", json={}))
    ok(therapist.post(f"emergencies/{alert['id']}/acknowledge/", json={}))
    ok(therapist.post(f"emergencies/{alert['id']}/resolve/", json={}))
    said = say(patient, pair.chat_id, "Better, thank you.")
    ok(patient.post(f"messages/{said['id']}/mark_emergency/", json={}))


def _ephemeral(pair: Pair, couch: SocketClient, phone: SocketClient, desk: SocketClient) -> None:
    """Typing both ways, errors, signs of life."""
    couch.send("typing", is_typing=True)
    desk.send("typing", is_typing=True)
    phone.until("typing_indicator", user_id=pair.therapist_id)
    couch.send("no_such_type", ref="wrong")
    assert couch.until("error", ref="wrong")["code"] == "unknown_type"
    phone.send("typing", is_typing=True, ref="wrong")
    assert phone.until("error", ref="wrong")["code"] == "required"
    phone.send("ping", ref=1)
    phone.until("pong", ref=1)


def _hide(pair: Pair, therapist: Any, phone: SocketClient) -> None:
    """What was said is hidden from the patient; then one of those messages is edited."""
    hidden = say(therapist, pair.chat_id, "To be hidden")
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
    ok(therapist.post(room, json={"patient_can_see_history": False}))
    phone.until("chat_updated")
    ok(therapist.post(f"messages/{hidden['id']}/edit_message/", json={"text": "Still hidden"}))
    phone.until("hidden")


def test_refusals_are_as_told(server: LiveServer, document: Document, pair: Pair) -> None:
    told = document["channels"]["chat"]["x-refusals"]
    validator = Draft7Validator(
        {"components": document["components"], "allOf": [told["401"]["payload"]]}
    )
    tries: list[Callable[[], Any]] = [
        lambda: refusal(server, chat_path(pair), None),
        lambda: refusal(server, chat_path(pair), pair.patient_token, origin="http://evil.example"),
        lambda: refusal(server, "/ws/notifications/t_other0/", pair.patient_token),
        lambda: refusal(server, "/ws/chat/CHAT_t_never00_p_never00/", pair.patient_token),
    ]
    found = [attempt() for attempt in tries]
    assert [one.status for one in found] == [401, 403, 403, 404]
    for one in found:
        assert str(one.status) in told
        if one.status == 403:
            assert f"`{one.code}`" in told["403"]["description"]
        assert list(validator.iter_errors(one.body)) == []


def test_closing_is_as_told(server: LiveServer, document: Document, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.patient_token) as couch,
        connect(server, pair.therapist_token) as therapist,
    ):
        ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "blocked"}))
        code = couch.close_code()
    assert code == 4403
    assert str(code) in document["channels"]["chat"]["x-close-codes"]
