"""Long conversations, made by the product's own batches in one go."""

from __future__ import annotations

from tests.harness.server import LiveServer, Pair

_TALK = """
from therapyconnect.messaging.services.engine import ask_all
from therapyconnect.messaging.services.sending import build_send
from therapyconnect.ops.demo import _principal
people = [_principal({therapist!r}), _principal({patient!r})]
def line(number):
    def make(reply):
        return build_send(
            sender=people[number // 3 % 2], chat_id={chat!r},
            text=f"Line {{number + 1}}. " + {words!r},
            message_type="text", emergency=False, reply_to=None,
            client_message_id=f"line-{{number}}", attachment_id=None, payload=None, reply=reply)
    return make
ask_all([line(number) for number in range({count})])
"""


def talk(server: LiveServer, pair: Pair, count: int, words: str = "") -> None:
    """`count` messages by both, three in a row each: "Line 1.", "Line 2." and so on."""
    code = _TALK.format(
        therapist=pair.therapist_id, patient=pair.patient_id, chat=pair.chat_id,
        count=count, words=words,
    )  # fmt: skip
    server.manage("shell", "--no-imports", "-c", code)
