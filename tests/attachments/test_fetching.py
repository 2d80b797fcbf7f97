"""Who may fetch a file, and that what comes is what was put there, or nothing."""

from __future__ import annotations

import random
from pathlib import Path

import httpx
import pytest

from tests.api.calls import ok, refused, say
from tests.attachments.files import png, text_of, upload, uploaded
from tests.harness.server import LiveServer, Pair

LONG = 3 * (1 << 20) + 12_345
"""Several chunks of its seal."""


def sent(api: httpx.Client, chat_id: str, content: bytes, name: str = "long.txt") -> str:
    file: str = uploaded(api, chat_id, content, name=name)["id"]
    say(api, chat_id, message_type="file", attachment_id=file)
    return file


def test_it_is_the_uploaders_alone_until_a_message_carries_it(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client, outsider: httpx.Client
) -> None:
    file = uploaded(therapist, pair.chat_id)["id"]
    never = f"ATT_{pair.chat_id[5:]}_{'0' * 24}"
    for part in ("", "status/"):
        assert therapist.get(f"attachments/{file}/{part}").status_code == 200
        for api in (patient, outsider):
            refused(api.get(f"attachments/{file}/{part}"), 404, "not_found")
            refused(api.get(f"attachments/{never}/{part}"), 404, "not_found")
    say(therapist, pair.chat_id, message_type="file", attachment_id=file)
    assert patient.get(f"attachments/{file}/").content == b"plain words\n"
    refused(outsider.get(f"attachments/{file}/"), 404, "not_found")


def test_hidden_history_hides_files(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    file = sent(therapist, pair.chat_id, b"before")
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}/update_permissions/"
    ok(therapist.post(room, json={"patient_can_see_history": False}))
    for part in ("", "status/"):
        refused(patient.get(f"attachments/{file}/{part}"), 404, "not_found")
    later = sent(therapist, pair.chat_id, b"after")
    assert patient.get(f"attachments/{later}/").content == b"after"
    assert therapist.get(f"attachments/{file}/").content == b"before"
    ok(therapist.post(room, json={"patient_can_see_history": True}))
    assert patient.get(f"attachments/{file}/").content == b"before"


def test_what_a_browser_is_told(pair: Pair, therapist: httpx.Client) -> None:
    text = uploaded(therapist, pair.chat_id, name='Zürich "1".txt')["id"]
    image = uploaded(therapist, pair.chat_id, png(), name="a.png", kind="image/png")["id"]
    for path, kind, shown in (
        (f"attachments/{text}/", "text/plain", "attachment"),
        (f"attachments/{image}/", "image/png", "inline"),
        (f"attachments/{image}/thumbnail/", "image/jpeg", "inline"),
    ):
        for accepted in ("*/*", "image/avif,image/webp", "application/json"):
            answer = therapist.get(path, headers={"Accept": accepted})
            assert answer.status_code == 200
        headers = answer.headers
        assert headers["Content-Type"].partition(";")[0] == kind
        assert headers["Content-Disposition"].startswith(f"{shown}; filename")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Content-Length"] == str(len(answer.content))
    said = therapist.get(f"attachments/{text}/").headers["Content-Disposition"]
    assert "filename*=utf-8''Z%C3%BCrich%20" in said


def test_ranges(seed: int, pair: Pair, therapist: httpx.Client) -> None:
    content = text_of(LONG, seed=seed)
    path = f"attachments/{sent(therapist, pair.chat_id, content)}/"

    def part(range_: str, **headers: str) -> httpx.Response:
        return therapist.get(path, headers={"Range": range_, **headers})

    pieces = [(0, 0), (LONG - 1, LONG - 1), ((1 << 20) - 1, 1 << 20), (0, LONG - 1)]
    pieces += [tuple(sorted(random.choices(range(LONG), k=2))) for _ in range(8)]  # type: ignore[misc]
    for first, last in pieces:
        answer = part(f"bytes={first}-{last}")
        assert answer.status_code == 206
        assert answer.content == content[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{LONG}"
    assert part(f"bytes={LONG - 5}-").content == content[-5:]
    assert part("bytes=-7").content == content[-7:]
    assert part(f"bytes=5-{LONG * 9}").content == content[5:]
    assert part(f"bytes=-{LONG * 9}").content == content
    for beyond in (f"bytes={LONG}-", f"bytes={LONG}-{LONG}", "bytes=-0"):
        answer = part(beyond)
        refused(answer, 416, "range_not_satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{LONG}"
    for odd in ("bytes=", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=x-1", "bytes=-"):
        assert part(odd).status_code == 200, odd
    tag = therapist.get(path).headers["ETag"]
    assert part("bytes=1-2", **{"If-Range": tag}).status_code == 206
    assert part("bytes=1-2", **{"If-Range": '"other"'}).status_code == 200


# --- what is not what was put there ---------------------------------------------------------------


def object_of(server: LiveServer, attachment_id: str) -> Path:
    key = attachment_id.rpartition("_")[2]
    ((name,),) = server.sql("SELECT object_name FROM attachments_attachment WHERE key = %s", (key,))
    return server.data / "attachments" / name


def fetched(api: httpx.Client, file: str, **headers: str) -> bytes | int:
    """The bytes; a status; or -1 where the transfer broke."""
    try:
        answer = api.get(f"attachments/{file}/", headers=headers)
    except httpx.HTTPError:
        return -1
    return answer.content if answer.status_code < 400 else answer.status_code


def test_an_altered_object_never_gives_wrong_bytes(
    server: LiveServer, pair: Pair, therapist: httpx.Client, seed: int
) -> None:
    content = text_of(LONG, seed=seed)
    file = sent(therapist, pair.chat_id, content)
    other = sent(therapist, pair.chat_id, text_of(LONG, seed=seed + 1))
    path, before = object_of(server, file), len(server.log_text())
    stream = path.read_bytes()
    chunk = (1 << 20) + 16
    alarms = 0
    for name, wrong in {
        "the first chunk": bytes([*stream[:60], stream[60] ^ 1]) + stream[61:],
        "a later chunk": stream[: 2 * chunk] + bytes([stream[2 * chunk] ^ 1])
        + stream[2 * chunk + 1 :],
        "cut short": stream[:-1],
        "cut at a chunk": stream[: 49 + 3 * chunk],
        "longer": stream + b"x",
        "empty": b"",
        "another's": object_of(server, other).read_bytes(),
    }.items():  # fmt: skip
        path.write_bytes(wrong)
        assert fetched(therapist, file) in (503, -1), name
        alarms += 1
    assert server.log_text()[before:].count("attachment.damaged") >= alarms
    path.unlink()
    assert fetched(therapist, file) == 503
    path.write_bytes(stream)
    assert fetched(therapist, file) == content
    # A range that the damage is not in is what was put there, and is given.
    path.write_bytes(stream[: 2 * chunk] + bytes([stream[2 * chunk] ^ 1]) + stream[2 * chunk + 1 :])
    assert fetched(therapist, file, Range="bytes=0-9") == content[:10]
    assert fetched(therapist, file, Range=f"bytes={LONG - 9}-") == content[-9:]


@pytest.mark.parametrize("column", ["size", "key"])
def test_a_row_that_was_altered_opens_nothing(
    server: LiveServer, pair: Pair, therapist: httpx.Client, column: str
) -> None:
    file = uploaded(therapist, pair.chat_id)["id"]
    key = file.rpartition("_")[2]
    change = {"size": "size = size - 1", "key": f"key = '{'1' * 24}'"}[column]
    server.sql(f"UPDATE attachments_attachment SET {change} WHERE key = %s", (key,))
    if column == "key":
        file = file.replace(key, "1" * 24)
        server.sql("SELECT 1")
    assert fetched(therapist, file) in (500, 503)
    server.sql("DELETE FROM attachments_attachment WHERE chat_id = %s", (pair.chat_id,))


def test_the_object_can_not_be_read_in_the_store(
    server: LiveServer, pair: Pair, therapist: httpx.Client
) -> None:
    file = uploaded(therapist, pair.chat_id, b"kanarienvogel " * 100, name="kanarie.txt")["id"]
    stored = object_of(server, file)
    assert b"kanarie" not in stored.read_bytes()
    assert stored.stat().st_mode & 0o777 == 0o600
    assert stored.parent.stat().st_mode & 0o777 == 0o700
    assert pair.chat_id[5:] not in str(stored)
    upload(therapist, pair.chat_id, b"<html>kanarie", name="kanarie.html", kind="text/html")
    assert "kanarie" not in server.log_text()
    rows = server.sql(
        "SELECT a::text FROM attachments_attachment a WHERE chat_id = %s", (pair.chat_id,)
    )
    assert "kanarie" not in str(rows)
    assert b"kanarie".hex() not in str(rows)
