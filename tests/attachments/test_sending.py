"""A message takes a file once, its sender's own, of its chat and its type; or it fails alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.api.calls import connect, ok, refused, say
from tests.attachments.files import png, uploaded
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket


def image(api: httpx.Client, chat_id: str) -> str:
    found: str = uploaded(api, chat_id, png(), name="a.png", kind="image/png")["id"]
    return found


def test_the_message_shows_the_stored_file(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    file = uploaded(patient, pair.chat_id, name="my notes.txt")
    said = say(patient, pair.chat_id, "as promised", message_type="file", attachment_id=file["id"])
    shown = {
        "attachment_url": f"/api/attachments/{file['id']}/",
        "attachment_name": "my notes.txt",
        "attachment_size": file["size"],
        "attachment_state": "ready",
    }
    assert shown.items() <= said.items()
    for api in (patient, therapist):
        assert shown.items() <= ok(api.get(f"messages/{said['id']}/")).items()
        page = ok(api.get(f"messages/?chat_id={pair.chat_id}"))["results"]
        assert shown.items() <= page[0].items()
        events = ok(api.get(f"chats/{pair.chat_id}/events/"))["events"]
        assert shown.items() <= events[0]["message"].items()
    unread = ok(therapist.get("messages/get_unread_messages/"))["results"]
    assert shown.items() <= unread[0].items()
    found = ok(therapist.post("messages/search/", json={"q": "promised"}))["results"]
    assert shown.items() <= found[0].items()


def test_a_file_is_used_once_and_a_retry_is_no_second_use(
    pair: Pair, therapist: httpx.Client
) -> None:
    file, other = image(therapist, pair.chat_id), image(therapist, pair.chat_id)
    body = {
        "chat_id": pair.chat_id, "text": "x", "message_type": "image", "attachment_id": file,
        "client_message_id": "one",
    }  # fmt: skip
    first = ok(therapist.post("messages/", json=body), 201)
    assert ok(therapist.post("messages/", json=body)) == first
    again = {**body, "client_message_id": "two"}
    refused(therapist.post("messages/", json=again), 409, "attachment_used", "attachment_id")
    changed = {**body, "attachment_id": other}
    refused(therapist.post("messages/", json=changed), 409, "idempotency_conflict")
    assert ok(therapist.get(f"chats/{pair.chat_id}/"))["last_seq"] == 1


def test_a_file_with_a_damaged_name_is_refused_alone_and_takes_no_number(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    file = image(therapist, pair.chat_id)
    server.sql(
        "UPDATE attachments_attachment"
        " SET name_sealed = set_byte(name_sealed, 20, get_byte(name_sealed, 20) # 1)"
        " WHERE chat_id = %s",
        (pair.chat_id,),
    )
    say(therapist, pair.chat_id, "before")
    body = {"chat_id": pair.chat_id, "text": "x", "message_type": "image", "attachment_id": file}
    for _ in range(2):
        refused(therapist.post("messages/", json=body), 500, "integrity_error")
    assert say(therapist, pair.chat_id, "after")["seq"] == 2
    assert ok(therapist.get(f"chats/{pair.chat_id}/"))["last_seq"] == 2
    bound = "SELECT message_seq FROM attachments_attachment WHERE chat_id = %s"
    assert server.sql(bound, (pair.chat_id,)) == [(None,)]


def test_a_race_for_one_file_has_one_winner(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    file = image(therapist, pair.chat_id)
    body = {
        "chat_id": pair.chat_id, "text": "x", "message_type": "image", "attachment_id": file,
    }  # fmt: skip

    def send(_: int) -> int:
        with connect(server, pair.therapist_token) as api:
            return api.post("messages/", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(16)))
    assert statuses == [201] + [409] * 15
    assert server.sql(
        "SELECT a.message_seq, m.seq FROM attachments_attachment a JOIN messaging_message m"
        " ON m.chat_id = a.chat_id AND m.attachment_id = a.key WHERE a.chat_id = %s",
        (pair.chat_id,),
    ) == [(1, 1)]


def test_whose_file_it_must_be(
    server: LiveServer,
    pair: Pair,
    other_pair: Pair,
    therapist: httpx.Client,
    patient: httpx.Client,
    outsider: httpx.Client,
) -> None:
    mine, theirs = image(therapist, pair.chat_id), image(patient, pair.chat_id)
    elsewhere = image(outsider, other_pair.chat_id)
    text = uploaded(therapist, pair.chat_id)["id"]

    def sent(attachment_id: object, kind: str = "image") -> httpx.Response:
        body = {
            "chat_id": pair.chat_id, "text": "x", "message_type": kind,
            "attachment_id": attachment_id,
        }  # fmt: skip
        return therapist.post("messages/", json=body)

    never = f"ATT_{pair.chat_id[5:]}_{'0' * 24}"
    for wrong in (theirs, elsewhere, never, "x", "", mine[:-1], mine + "0", mine.upper()):
        refused(sent(wrong), 404, "not_found", "attachment_id")
    refused(sent(mine, "file"), 400, "attachment_mismatch", "attachment_id")
    refused(sent(text), 400, "attachment_mismatch", "attachment_id")
    refused(sent(mine, "text"), 400, "attachment_mismatch", "attachment_id")
    refused(sent(None), 400, "attachment_required", "attachment_id")
    refused(sent(1), 400, "invalid", "attachment_id")
    for field in ("attachment_url", "attachment_name", "attachment_size", "attachment_state"):
        body = {"chat_id": pair.chat_id, "text": "x", field: "http://127.0.0.1/x.png"}
        refused(therapist.post("messages/", json=body), 400, "unknown_field", field)
    assert ok(therapist.get(f"chats/{pair.chat_id}/"))["last_seq"] == 0
    assert sent(mine).status_code == 201  # what was refused took nothing


def test_by_socket_a_bad_one_fails_alone(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    file = image(therapist, pair.chat_id)
    picture = {"text": "x", "message_type": "image"}
    with (
        chat_socket(server, pair.chat_id, pair.therapist_token) as one,
        user_socket(server, pair.patient_id, pair.patient_token) as other,
    ):
        one.send("chat_message", text="before", ref=1)
        one.send("chat_message", **picture, attachment_id=file, ref=2)
        one.send("chat_message", **picture, attachment_id=file, ref=3)
        one.send("chat_message", **picture, attachment_id="ATT_x", ref=4)
        one.send("chat_message", text="after", ref=5)
        answers = {}
        while len(answers) < 5:
            frame = one.next()
            if "ref" in frame:
                answers[frame["ref"]] = frame
        kinds = [answers[ref].get("code", answers[ref]["type"]) for ref in range(1, 6)]
        assert kinds == [
            "chat_message", "chat_message", "attachment_used", "not_found", "chat_message",
        ]  # fmt: skip
        heard = [other.until("new_message")["message"] for _ in range(3)]
        assert [message["seq"] for message in heard] == [1, 2, 3]
        assert heard[1]["attachment_url"] == f"/api/attachments/{file}/"
        assert heard[1]["attachment_state"] == "ready"


def test_deleted_with_its_message_and_back_with_it(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    file = image(therapist, pair.chat_id)
    said = say(therapist, pair.chat_id, message_type="image", attachment_id=file)
    routes = [f"attachments/{file}/{part}" for part in ("", "thumbnail/", "status/")]
    gone = ok(therapist.post(f"messages/{said['id']}/delete_message/"))
    fields = ("attachment_url", "attachment_name", "attachment_size", "attachment_state")
    assert [gone[field] for field in fields] == [None] * 4
    assert [ok(patient.get(f"messages/{said['id']}/"))[field] for field in fields] == [None] * 4
    for api in (therapist, patient):
        for route in routes:
            refused(api.get(route), 404, "not_found")
    back = ok(therapist.post(f"messages/{said['id']}/restore_message/"))
    assert [back[field] for field in fields] == [said[field] for field in fields]
    for api in (therapist, patient):
        assert [api.get(route).status_code for route in routes] == [200] * 3


def test_an_edit_keeps_the_file(pair: Pair, therapist: httpx.Client) -> None:
    file = image(therapist, pair.chat_id)
    said = say(therapist, pair.chat_id, message_type="image", attachment_id=file)
    edited = ok(therapist.post(f"messages/{said['id']}/edit_message/", json={"text": "other"}))
    assert edited["attachment_url"] == said["attachment_url"]
    assert therapist.get(said["attachment_url"].removeprefix("/api/")).status_code == 200
