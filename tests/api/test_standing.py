"""What holds in a chat, and who may still send: each fact and its code."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.api.calls import detail, end_care, ok, refused, rows, say, set_fact
from tests.harness.server import LiveServer, Pair


def withdraw(side: str) -> Callable[[LiveServer, Pair], None]:
    def apply(server: LiveServer, pair: Pair) -> None:
        server.sql(
            f"UPDATE messaging_chatroom SET {side}_can_send = false WHERE chat_id = %s",
            (pair.chat_id,),
        )

    return apply


def fact(column: str, *, room: bool = False) -> Callable[[LiveServer, Pair], None]:
    return lambda server, pair: set_fact(server, pair.chat_id, column, room=room)


PASSES = (201, None)
# fact: therapist's send, patient's send, patient's emergency, therapist's emergency
FACTS = {
    "nothing": (lambda server, pair: None, PASSES, PASSES, PASSES, PASSES),
    "archived": (
        fact("archived_at"), (403, "chat_archived"), (403, "chat_archived"), PASSES,
        (403, "chat_archived"),
    ),
    "room archived": (
        fact("archived_at", room=True), (403, "room_archived"), (403, "room_archived"), PASSES,
        (403, "room_archived"),
    ),
    "therapist may not send": (
        withdraw("therapist"), (403, "sending_not_permitted"), PASSES, PASSES,
        (403, "sending_not_permitted"),
    ),
    "patient may not send": (
        withdraw("patient"), PASSES, (403, "sending_not_permitted"), PASSES, PASSES,
    ),
    "blocked by therapist": (fact("blocked_by_therapist_at"), *[(403, "chat_blocked")] * 4),
    "blocked by patient": (fact("blocked_by_patient_at"), *[(403, "chat_blocked")] * 4),
    "care ended": (end_care, *[(403, "relationship_ended")] * 4),
    "deleted": (fact("deleted_at"), *[(404, "not_found")] * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", FACTS)
def test_who_may_send(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client, name: str
) -> None:
    apply, *expected = FACTS[name]
    apply(server, pair)
    sends = [(therapist, False), (patient, False), (patient, True), (therapist, True)]
    for (api, emergency), (status, code) in zip(sends, expected, strict=True):
        before = rows(server)
        body = {"chat_id": pair.chat_id, "text": "hello", "emergency": emergency}
        answer = api.post("messages/send_message/", json=body)
        if code is None:
            ok(answer, status)
        else:
            refused(answer, status, code)
            assert rows(server) == before


@pytest.mark.parametrize("name", [name for name in FACTS if name != "deleted"])
def test_a_retry_of_what_was_accepted_is_still_answered(
    server: LiveServer, pair: Pair, therapist: httpx.Client, name: str
) -> None:
    body = {"chat_id": pair.chat_id, "text": "before", "client_message_id": "c"}
    first = ok(therapist.post("messages/", json=body), 201)
    FACTS[name][0](server, pair)
    assert ok(therapist.post("messages/", json=body), 200) == first
    refused(
        therapist.post("messages/", json={**body, "text": "other"}), 409, "idempotency_conflict"
    )


@pytest.mark.parametrize(
    ("columns", "status"),
    [
        (("archived_at",), "archived"),
        (("archived_at", "blocked_by_patient_at"), "blocked"),
        (("blocked_by_therapist_at",), "blocked"),
        ((), "active"),
    ],
)
def test_the_strongest_fact_is_the_status_and_reading_stays(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client,
    columns: tuple[str, ...], status: str,
) -> None:  # fmt: skip
    message = say(therapist, pair.chat_id, "kept")
    for column in columns:
        set_fact(server, pair.chat_id, column)
    for api in (therapist, patient):
        assert detail(api, pair.chat_id)["status"] == status
        assert ok(api.get(f"messages/{message['id']}/"))["text"] == "kept"
        assert len(ok(api.get(f"chats/{pair.chat_id}/events/"))["events"]) == 1
        assert ok(api.get(f"messages/?chat_id={pair.chat_id}"))["results"][0]["text"] == "kept"


def test_after_care_has_ended_one_can_still_read(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(therapist, pair.chat_id, "kept")
    end_care(server, pair)
    for api in (therapist, patient):
        assert ok(api.get(f"messages/{message['id']}/"))["text"] == "kept"
        assert detail(api, pair.chat_id)["id"] == pair.chat_id


def test_a_deleted_chat_is_gone_on_every_route(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    message = say(therapist, pair.chat_id, "gone")
    set_fact(server, pair.chat_id, "deleted_at")
    chat = f"chats/{pair.chat_id}/"
    for api in (therapist, patient):
        for address in (chat, f"{chat}events/", f"messages/{message['id']}/",
                        f"messages/?chat_id={pair.chat_id}"):  # fmt: skip
            refused(api.get(address), 404, "not_found", None)
        for address, body in (
            (f"{chat}mark_all_read/", {}),
            (f"{chat}toggle_notifications/", {"notifications_enabled": False}),
            (f"messages/{message['id']}/mark_read/", {}),
            (f"messages/{message['id']}/mark_delivered/", {}),
        ):
            refused(api.post(address, json=body), 404, "not_found", None)
