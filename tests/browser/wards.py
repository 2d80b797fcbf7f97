"""Caseloads: more patients for a therapist, with what they said, and how long ago."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.harness.server import LiveServer, Pair

_WARD = """
import json, sys
from therapyconnect.accounts.models import CareRelationship, User
from therapyconnect.core import clock
from therapyconnect.messaging.services.chats import create_or_get_chat
from therapyconnect.messaging.services.engine import ask_all
from therapyconnect.messaging.services.sending import build_send
from therapyconnect.ops.demo import _principal
given = json.loads(sys.stdin.read())
therapist, people = given["therapist"], given["people"]
User.objects.bulk_create([
    User(id=p["id"], email=p["id"] + "@demo.test", first_name=p["first"], last_name=p["last"],
         password=User.objects.get(pk=therapist).password) for p in people])
CareRelationship.objects.bulk_create([
    CareRelationship(therapist_id=therapist, patient_id=p["id"], started_at=clock.now())
    for p in people])
caller = _principal(therapist)
def line(person, text, emergency):
    sender = _principal(person)
    chat = f"CHAT_{therapist}_{person}"
    return lambda reply: build_send(
        sender=sender, chat_id=chat, text=text, message_type="text", emergency=emergency,
        reply_to=None, client_message_id=None, attachment_id=None, payload=None, reply=reply)
lines = []
for p in people:
    if not p["chat"]:
        continue
    create_or_get_chat(caller=caller, therapist_id=therapist, patient_id=p["id"])
    lines += [line(p["id"], text, False) for text in p["says"]]
    lines += [line(p["id"], text, True) for text in p["calls"]]
ask_all(lines)
"""


@dataclass(frozen=True)
class Ward:
    """A patient to be made; `says` and `calls` are their messages, the latter urgent."""

    first: str
    last: str
    says: Sequence[str] = ()
    calls: Sequence[str] = ()
    hours_ago: float = 0
    """How long ago the first of them was sent, the others right after."""
    chat: bool = True


def admit(server: LiveServer, pair: Pair, wards: Sequence[Ward]) -> list[str]:
    """Patients of `pair`'s therapist; the ids of their chats, also of those without one yet."""
    number = pair.therapist_id.removeprefix("t_load")
    ids = [f"p_w{number}n{n:03}" for n in range(len(wards))]
    people = [
        {"id": id, "first": w.first, "last": w.last, "chat": w.chat,
         "says": list(w.says), "calls": list(w.calls)}
        for id, w in zip(ids, wards, strict=True)
    ]  # fmt: skip
    given = json.dumps({"therapist": pair.therapist_id, "people": people})
    server.manage("shell", "--no-imports", "-c", _WARD, input=given)
    chats = [f"CHAT_{pair.therapist_id}_{id}" for id in ids]
    for chat_id, ward in zip(chats, wards, strict=True):
        if ward.hours_ago and ward.chat:
            backdate(server, chat_id, ward.hours_ago)
    return chats


def backdate(server: LiveServer, chat_id: str, hours: float) -> None:
    """All that was said in a chat so far, that long before it was."""
    ago = f"{hours} hours"
    for query in (
        "UPDATE messaging_message SET created_at = created_at - %s::interval WHERE chat_id = %s",
        "UPDATE messaging_chat SET active_at = active_at - %s::interval WHERE id = %s",
        "UPDATE messaging_emergencyalert SET raised_at = raised_at - %s::interval"
        " WHERE chat_id = %s",
    ):
        server.sql(query, (ago, chat_id))
