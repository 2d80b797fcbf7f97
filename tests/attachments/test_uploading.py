"""An upload is taken whole and safe, or leaves nothing behind."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.api.calls import connect, ok, refused, rows
from tests.attachments.files import PDF, png, text_of, upload, uploaded
from tests.harness.server import LiveServer, Pair
from therapyconnect.messaging.services.attaching import FORM_BYTES, MAX_BYTES


def left_behind(server: LiveServer) -> list[Path]:
    """Plain files of uploads."""
    return [path for path in (server.data / "uploads").rglob("*") if path.is_file()][1:]


def objects(server: LiveServer) -> set[Path]:
    folder = server.data / "attachments"
    return {path for path in folder.rglob("*") if path.is_file()}


def test_it_is_answered_with_what_it_is(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    made = uploaded(therapist, pair.chat_id, PDF, name="Tagebuch März.pdf", kind="application/pdf")
    assert set(made) == {"id", "state", "name", "size", "content_type"}
    assert made["id"].startswith(f"ATT_{pair.therapist_id}_{pair.patient_id}_")
    assert (made["state"], made["name"]) == ("ready", "Tagebuch März.pdf")
    assert (made["size"], made["content_type"]) == (len(PDF), "application/pdf")
    assert ok(therapist.get(f"attachments/{made['id']}/status/")) == made
    assert therapist.get(f"attachments/{made['id']}/").content == PDF
    assert left_behind(server) == []


def test_an_image_is_encoded_anew_and_has_a_thumbnail(pair: Pair, patient: httpx.Client) -> None:
    sent = png(64, 48)
    made = uploaded(patient, pair.chat_id, sent, name="a.png", kind="image/png")
    assert made["content_type"] == "image/png"
    answer = patient.get(f"attachments/{made['id']}/")
    assert len(answer.content) == made["size"]
    assert answer.content.startswith(b"\x89PNG")
    assert patient.get(f"attachments/{made['id']}/thumbnail/").status_code == 200
    text = uploaded(patient, pair.chat_id)
    refused(patient.get(f"attachments/{text['id']}/thumbnail/"), 404, "not_found")


REFUSED = {
    "a page named as a picture": (b"<html><script>1</script></html>", "a.png", "image/png", 415),
    "a vector picture": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "image/svg", 415),
    "a picture named as a document": (png(), "a.pdf", "application/pdf", 415),
    "a script behind a picture's name": (png(), "a.php.png", "image/png", 415),
    "nothing": (b"", "a.txt", "text/plain", 422),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_leaves_nothing(
    server: LiveServer, pair: Pair, therapist: httpx.Client, what: str
) -> None:
    content, name, kind, status = REFUSED[what]
    before, stored = rows(server), objects(server)
    answer = upload(therapist, pair.chat_id, content, name=name, kind=kind)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["attr"] == "file"
    assert (rows(server), objects(server), left_behind(server)) == (before, stored, [])


def test_names_are_cleaned(pair: Pair, therapist: httpx.Client) -> None:
    for name in ("../../etc/passwd.txt", "a\r\nb.txt", "C:\\x\\y.txt", "\u202etxt.exe.txt", ".txt"):
        body = (
            b'--x\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n'
            + pair.chat_id.encode()
            + b'\r\n--x\r\nContent-Disposition: form-data; name="file"; filename="'
            + name.replace("\r\n", "%0D%0A").encode()
            + b'"\r\nContent-Type: text/plain\r\n\r\nwords\r\n--x--\r\n'
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = therapist.post("attachments/", content=body, headers=headers)
        if answer.status_code != 201:
            assert answer.status_code in (400, 415), answer.text
            continue
        shown = answer.json()["name"]
        assert shown
        assert not set(shown) & set("/\\\r\n\x00\u202e")
        said = therapist.get(f"attachments/{answer.json()['id']}/").headers["Content-Disposition"]
        assert said.startswith("attachment; filename")


def test_a_form_that_is_wrong(
    server: LiveServer, pair: Pair, other_pair: Pair, therapist: httpx.Client
) -> None:
    before = rows(server)
    file = {"file": ("a.txt", b"words", "text/plain")}
    chat = {"chat_id": pair.chat_id}

    def sent(data: dict[str, object], files: object = file) -> httpx.Response:
        return therapist.post("attachments/", data=data, files=files)  # type: ignore[arg-type]

    refused(sent({}), 400, "required", "chat_id")
    refused(sent(chat, {"other": file["file"]}), 400, "unknown_field", "other")
    refused(sent({**chat, "attachment_url": "x"}), 400, "unknown_field", "attachment_url")
    refused(sent({"chat_id": [pair.chat_id, pair.chat_id]}), 400, "invalid", "chat_id")
    refused(sent(chat, [*file.items(), *file.items()]), 400, "invalid", "file")
    refused(sent({**chat, "user_id": pair.patient_id}), 403, "identity_mismatch", "user_id")
    refused(sent({"chat_id": other_pair.chat_id}), 404, "not_found")
    refused(sent({"chat_id": "CHAT_nobody\x00"}), 404, "not_found")
    refused(therapist.post("attachments/", json=chat), 415, "unsupported_media_type")
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (b"", b"--x", b"--x\r\n\r\n", b"no form", b"--x\r\nContent-Disposition: form-data"):
        answer = therapist.post("attachments/", content=body, headers=form)
        assert answer.status_code == 400, (body, answer.text)
    no_boundary = {"Content-Type": "multipart/form-data"}
    refused(therapist.post("attachments/", content=b"--x", headers=no_boundary), 400, "parse_error")
    assert rows(server) == before
    assert left_behind(server) == []


def test_it_is_let_in_where_its_sender_may_send(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/"
    chat = f"chats/{pair.chat_id}/update_status/"
    ok(therapist.post(f"{room}update_permissions/", json={"patient_can_send": False}))
    refused(upload(patient, pair.chat_id), 403, "sending_not_permitted")
    uploaded(therapist, pair.chat_id)
    for status, code in (("archived", "chat_archived"), ("blocked", "chat_blocked")):
        ok(therapist.post(chat, json={"status": status}))
        refused(upload(therapist, pair.chat_id), 403, code)
        ok(therapist.post(chat, json={"status": "active"}))


# --- large, slow, broken --------------------------------------------------------------------------


def raw(server: LiveServer, token: str | None, length: int) -> socket.socket:
    """A connection whose upload of `length` bytes has begun: its head is sent."""
    head = ["POST /api/attachments/ HTTP/1.1", f"Host: 127.0.0.1:{server.port}"]
    head += ["Content-Type: multipart/form-data; boundary=x", f"Content-Length: {length}"]
    if token:
        head.append(f"Authorization: Bearer {token}")
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    return connection


def answer_of(connection: socket.socket) -> tuple[int, str]:
    received = b""
    while b"}]" not in received and (piece := connection.recv(65536)):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["errors"][0]["code"]


def test_what_is_too_large_is_told_before_it_is_read(server: LiveServer, pair: Pair) -> None:
    with raw(server, pair.therapist_token, MAX_BYTES + FORM_BYTES + 1) as connection:
        assert answer_of(connection) == (413, "payload_too_large")


def test_other_routes_take_no_more_than_before(pair: Pair, therapist: httpx.Client) -> None:
    body = b'{"text": "' + b"x" * (3 << 20) + b'"}'
    for path in ("messages/", f"attachments/ATT_{pair.chat_id[5:]}_{'0' * 24}/"):
        answer = therapist.post(path, content=body, headers={"Content-Type": "application/json"})
        refused(answer, 413, "payload_too_large")


def test_who_is_nobody_is_told_before_the_body_is_read(server: LiveServer) -> None:
    for token in (None, "x.y.z"):
        with raw(server, token, MAX_BYTES) as connection:
            assert answer_of(connection) == (401, "not_authenticated")


def test_an_upload_that_breaks_off_leaves_nothing(server: LiveServer, pair: Pair) -> None:
    before, stored = rows(server), objects(server)
    content = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + text_of(3 << 20)
    )
    for _ in range(3):
        with raw(server, pair.patient_token, len(content) + 10_000) as connection:
            connection.sendall(content)
    end = time.monotonic() + 20
    while (left := open_uploads(server)) and time.monotonic() < end:
        time.sleep(0.05)
    assert left == []
    assert (rows(server), objects(server)) == (before, stored)


def open_uploads(server: LiveServer) -> list[str]:
    """What lies in the folder of uploads, and unnamed files of it that are still open."""
    assert server.process is not None
    folder = server.data / "uploads"
    found = [str(path) for path in left_behind(server)]
    for descriptor in Path(f"/proc/{server.process.pid}/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith((f"{folder}/#", "/tmp/#")):
            found.append(target)
    return found


def test_one_that_is_too_large_by_a_byte(server: LiveServer, pair: Pair) -> None:
    """Within the limit of the body, beyond that of the file."""
    with connect(server, pair.therapist_token) as api:
        before = rows(server)
        refused(upload(api, pair.chat_id, b"x" * (MAX_BYTES + 1)), 413, "payload_too_large")
        assert (rows(server), left_behind(server)) == (before, [])
