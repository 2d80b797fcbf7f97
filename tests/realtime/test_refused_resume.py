"""A resume that is refused costs nothing: neither an ack nor a message of the other's."""

from __future__ import annotations

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket

ROUNDS = 30


def test_acks_and_messages_survive_refused_resumes(server: LiveServer, pair: Pair) -> None:
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as sender,
        chat_socket(server, pair.chat_id, pair.patient_token) as reader,
    ):
        for n in range(ROUNDS):
            sender.send("chat_message", text=f"line {n}", ref=f"ack-{n}")
            sender.send("resume", after_seq=10**9, ref=f"refused-{n}")
            reader.send("resume", after_seq=10**9, ref=f"refused-{n}")
        waiting = {f"ack-{n}" for n in range(ROUNDS)} | {f"refused-{n}" for n in range(ROUNDS)}
        while waiting:
            waiting.discard(str(sender.next().get("ref")))
        heard: list[int] = []
        while len(heard) < ROUNDS:
            frame = reader.next()
            if frame["type"] == "chat_message":
                heard.append(frame["message"]["seq"])
    assert heard == list(range(1, ROUNDS + 1))
