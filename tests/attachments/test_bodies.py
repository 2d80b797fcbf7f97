"""Bodies that come without a length, or with a type that nobody can read."""

from __future__ import annotations

import json

import httpx

from tests.api.calls import refused
from tests.attachments.files import text_of
from tests.harness.server import Pair


def test_a_body_in_chunks_is_read_like_any_other(pair: Pair, therapist: httpx.Client) -> None:
    """As a client sends what it streams, and does not know the length of."""
    form = (
        f'--x\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{pair.chat_id}\r\n'
        '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        "Content-Type: text/plain\r\n\r\n"
    ).encode()
    content = text_of(1 << 20)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    pieces = iter((form, content, b"\r\n--x--\r\n"))
    answer = therapist.post("attachments/", content=pieces, headers=kind)
    assert answer.request.headers["Transfer-Encoding"] == "chunked"
    assert answer.status_code == 201, answer.text
    assert therapist.get(f"attachments/{answer.json()['id']}/").content == content

    kind = {"Content-Type": "application/json"}
    said = iter([json.dumps({"chat_id": pair.chat_id, "text": "in chunks"}).encode()])
    answer = therapist.post("messages/", content=said, headers=kind)
    assert (answer.status_code, answer.json().get("text")) == (201, "in chunks")
    too_large = iter([b'{"text": "', b"x" * (3 << 20), b'"}'])
    refused(therapist.post("messages/", content=too_large, headers=kind), 413, "payload_too_large")


def test_a_type_that_can_not_be_read_is_the_clients_mistake(therapist: httpx.Client) -> None:
    for path, kind in (
        ("attachments/", "multipart/form-data; boundary*=nowhere''%42"),
        ("attachments/", "multipart/form-data; boundary=B; x*=nowhere''%42"),
        ("messages/", "application/json; charset*=nowhere''%42"),
    ):
        answer = therapist.post(path, content=b"{}", headers={"Content-Type": kind})
        refused(answer, 415, "unsupported_media_type")
