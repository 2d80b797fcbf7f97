"""G11: what was deleted is readable nowhere: one canary, every route, frame, replay and the log."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from tests.api.calls import connect, ok, say
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket, user_socket


def read_everything(server: LiveServer, pair: Pair, message_id: str, canary: str) -> dict[str, str]:
    """The answer of every route that reads, filled in for this chat, as each of the two."""
    room = f"ROOM_{pair.chat_id[5:]}"
    ids = {"chats": pair.chat_id, "messages": message_id, "chat-rooms": room}
    found: dict[str, str] = {}
    with connect(server, None) as api:
        paths = ok(api.get("schema/"))["paths"]
    for name, token in (("therapist", pair.therapist_token), ("patient", pair.patient_token)):
        with connect(server, token) as api:
            for path, operations in paths.items():
                if "get" not in operations or path.startswith(("/api/docs", "/api/schema")):
                    continue
                kind = path.split("/")[2]
                if "{" in path and kind not in ids:
                    continue
                filled = path.removeprefix("/api/").replace("{id}", ids.get(kind, ""))
                own = f"?chat_id={pair.chat_id}"
                for query in ("", own, f"{own}&after_seq=0", "?ordering=priority"):
                    found[f"{name} GET {filled}{query}"] = api.get(f"{filled}{query}").text
            body = {"q": canary, "chat_id": pair.chat_id}
            answer = ok(api.post("messages/search/", json=body))
            assert answer["results"] == []
            found[f"{name} search"] = json.dumps(answer)
            reply = {"chat_id": pair.chat_id, "text": "again", "reply_to": message_id}
            found[f"{name} quote"] = api.post("messages/", json=reply).text
            create = {"therapist_id": pair.therapist_id, "patient_id": pair.patient_id}
            found[f"{name} create"] = api.post("chats/create_or_get_chat/", json=create).text
    assert len(found) > 60
    return found


def replayed(client: SocketClient, **asked: Any) -> str:
    client.send("resume", ref="all", **asked)
    client.until("resumed", ref="all")
    return json.dumps(client.received)


@pytest.mark.parametrize("kind", ["text", "edited", "appointment", "payload", "emergency"])
def test_deleted_text_is_readable_nowhere(server: LiveServer, pair: Pair, kind: str) -> None:
    canary = f"canary{secrets.token_hex(8)}"
    fields: dict[str, Any] = {"text": canary}
    if kind == "appointment":
        fields |= {"message_type": "appointment", "payload": {
            "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z", "time_zone": "UTC",
            "location": canary, "note": canary,
        }}  # fmt: skip
    elif kind == "payload":
        fields |= {"text": "see", "payload": {"words": canary}}
    elif kind == "emergency":
        fields |= {"emergency": True}
    with connect(server, pair.patient_token) as api:
        text = fields.pop("text")
        said = say(api, pair.chat_id, text, client_message_id="c", **fields)
        with connect(server, pair.therapist_token) as other:
            say(other, pair.chat_id, "I see", reply_to=said["id"])
        if kind == "edited":
            edited = {"text": f"{canary} 2"}
            ok(api.post(f"messages/{said['id']}/edit_message/", json=edited))
        before = read_everything(server, pair, said["id"], "nothing like it")
        assert any(canary in answer for answer in before.values())  # else this finds nothing
        ok(api.post(f"messages/{said['id']}/delete_message/"))
        again = {"chat_id": pair.chat_id, "text": text, "client_message_id": "c", **fields}
        assert canary not in api.post("messages/", json=again).text
        flags = [
            api.post(f"messages/{said['id']}/{action}/", json=body).text
            for action, body in (
                ("edit_message", {"text": "x"}), ("mark_emergency", {}), ("delete_message", {}),
                ("answer", {"answer": "cancel"}), ("mark_read", {}),
            )
        ]  # fmt: skip
        assert canary not in "".join(flags)
    answers = read_everything(server, pair, said["id"], canary)
    assert [name for name, answer in answers.items() if canary in answer] == []
    for token, user_id in (
        (pair.therapist_token, pair.therapist_id),
        (pair.patient_token, pair.patient_id),
    ):
        with (
            chat_socket(server, pair.chat_id, token) as couch,
            user_socket(server, user_id, token) as phone,
        ):
            assert canary not in replayed(couch, after_seq=0)
            assert canary not in replayed(phone, chats={pair.chat_id: 0})
    assert canary not in server.log_text()
