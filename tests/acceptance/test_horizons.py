"""G6: a horizon never goes back, and never passes the end of the chat."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests.acceptance.finals import read_final
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket

RECEIPTS = 2_000
MESSAGES = 60
FUTURE = 10**9


def test_two_devices_with_stale_and_future_receipts(
    product: LiveServer,
    take: Callable[[int], list[Pair]],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    """One is a phone with a user socket, one a browser with a chat socket and REST."""
    pair = take(1)[0]
    dice = random.Random(seed)
    with product.api(pair.therapist_token) as api:
        for n in range(MESSAGES):
            body = {"chat_id": pair.chat_id, "text": f"message {n}"}
            assert api.post("messages/", json=body).status_code == 201
    model = {"delivered": 0, "read": 0}
    counts = {"moved": 0, "stale": 0, "future": 0}

    def expect(kind: str, up_to: int) -> bool:
        """Take it into the model; True where it must be refused."""
        if up_to > MESSAGES:
            counts["future"] += 1
            return True
        counts["moved" if up_to > model[kind] else "stale"] += 1
        model[kind] = max(model[kind], up_to)
        model["delivered"] = max(model.values())
        return False

    with (
        product.api(pair.patient_token) as api,
        chat_socket(product, pair.chat_id, pair.patient_token) as browser,
        user_socket(product, pair.patient_id, pair.patient_token) as phone,
        chat_socket(product, pair.chat_id, pair.therapist_token) as other,
    ):
        for n in range(RECEIPTS):
            # The middle creeps up, so that most are stale, and some move it until the end.
            reach = 1 + n * MESSAGES // RECEIPTS
            up_to = (
                dice.randint(0, reach)
                if dice.random() < 0.8
                else dice.choice((MESSAGES + 1, FUTURE))
            )
            kind = dice.choice(("delivered", "read"))
            way = dice.choice(("phone", "browser", "phone", "browser", "rest"))
            if way == "rest":
                answer = api.post(f"chats/{pair.chat_id}/mark_all_read/", json={"up_to_seq": up_to})
                if expect("read", up_to):
                    assert answer.status_code == 400, answer.text
                    assert answer.json()["errors"][0]["code"] == "beyond_last_seq"
                    continue
                assert answer.status_code == 200
                shown: dict[str, Any] = answer.json()
                assert shown["receipts"]["patient"] == {
                    "delivered_seq": model["delivered"], "read_seq": model["read"],
                }  # fmt: skip
                assert shown["unread_count"] == MESSAGES - model["read"]
                continue
            socket = phone if way == "phone" else browser
            named = {"chat_id": pair.chat_id} if way == "phone" else {}
            socket.send(f"message_{kind}", seq=up_to, ref=n, **named)
            if expect(kind, up_to):
                assert socket.until("error", ref=n)["code"] == "beyond_last_seq"
            else:
                socket.until(f"message_{kind}_receipt", ref=n)
        end = read_final(product.base, pair)
        assert end.seqs[(pair.patient_id, "read")] == model["read"]
        assert end.seqs[(pair.patient_id, "delivered")] == model["delivered"]
        assert end.seqs[(pair.therapist_id, "read")] == 0
        assert end.unread[pair.patient_id] == MESSAGES - model["read"]
        # What the other person was told of it only ever grew, and told the end of it.
        other.send("ping")
        other.until("pong")
        for kind in ("delivered", "read"):
            told = [f["seq"] for f in other.received if f["type"] == f"message_{kind}_receipt"]
            assert told == sorted(set(told))
        read = [f["seq"] for f in other.received if f["type"] == "message_read_receipt"]
        assert read[-1] == model["read"]
    assert min(counts.values()) >= 30, counts
    record_property("measured", str(counts))
    print(counts)  # noqa: T201
