"""What the application wants said beside a refusal of a request that it never sees."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from .conftest import MakeServer, Process, error_of


def told(answer: bytes) -> tuple[int, Any]:
    """The status, and what is beside the error; the error itself is whole."""
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert {"type", "errors", "request_id"} <= set(body)
    assert body["errors"][0]["detail"]
    return int(answer.split(b" ")[1]), body.get("beside")


def ask(server: Process, request: bytes) -> bytes:
    (answer,) = server.ask_all(request)
    return answer


# The parser tells of a header when the next one begins.
HOST = b"authorization: Bearer one\r\nhost: x\r\n"
WHO = {"method": "POST", "path": "/beside/x", "authorization": "Bearer one"}
REFUSED: dict[str, tuple[int, bytes]] = {
    "declared too large": (413, b"content-length: 100001\r\n\r\n"),
    "chunked too large": (413, b"transfer-encoding: chunked\r\n\r\n20000\r\n" + b"x" * 0x20000),
    "late body": (408, b"content-length: 10\r\n\r\nx"),
    "late head": (408, b"x-more: "),
    "large head": (431, b"x-pad: " + b"p" * 17_000),
    "bad head": (400, b"no header\r\n\r\n"),
    "endless trailers": (
        431, b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"authorization: y\r\n" * 3000,
    ),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_each_refusal_says_it(server: Process, hasty: Process, why: str) -> None:
    status, rest = REFUSED[why]
    lines = (b"/beside/x", b"/beside%2Fx?query", b"http://x/beside/x")
    requests = [b"POST " + line + b" HTTP/1.1\r\n" + HOST + rest for line in lines]
    answers = (hasty if why.startswith("late") else server).ask_all(*requests)
    assert [told(answer) for answer in answers] == [(status, WHO)] * 3


def test_two_tokens_are_none(server: Process) -> None:
    request = b"POST /beside/x HTTP/1.1\r\nauthorization: y\r\n" + HOST
    answer = told(ask(server, request + b"content-length: 100001\r\n\r\n"))
    assert answer == (413, {**WHO, "authorization": None})


def test_nothing_is_said_of_what_has_no_name_yet(hasty: Process) -> None:
    starts = (b"", b"POST /besi", b"POST /other HTTP/1.1\r\n", b"\x16\x03\x01")
    for start, answer in zip(starts, hasty.ask_all(*starts)):
        assert error_of(answer)[0] in (400, 408), start


def test_a_refusal_is_not_taken_for_the_request_before_it(server: Process) -> None:
    good = b"POST /beside/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    with server.connect() as client:
        client.write(good)
        assert b" 200 " in client.read_head()
        client.write(b"\x16\x03\x01\r\n\r\n")
        answer = client.read_all()
    assert error_of(answer[answer.index(b"HTTP/1.1 ") :]) == (400, "bad_request")


def test_where_it_fails_the_error_stands_alone_and_no_word_is_logged(server: Process) -> None:
    request = b"POST /beside/fails HTTP/1.1\r\nhost: x\r\ncontent-length: 100001\r\n\r\n"
    assert error_of(ask(server, request)) == (413, "payload_too_large")
    log = server.log.read_text()
    assert "beside_refusal failed: builtins.ValueError" in log
    assert "a patient's words" not in log


def test_an_application_that_fails(server: Process) -> None:
    request = b"POST /beside/broken HTTP/1.1\r\n" + HOST + b"content-length: 0\r\n\r\n"
    assert told(ask(server, request)) == (500, {**WHO, "path": "/beside/broken"})


def test_who_is_cut_off_by_a_stop_is_told_so(own_server: MakeServer) -> None:
    server = own_server(drain_seconds=0.2, finish_seconds=0.4, cancel_seconds=0.2)
    with server.connect() as half, server.connect() as slow:
        half.write(b"POST /beside/x HTTP/1.1\r\n" + HOST + b"content-length: 9\r\n\r\nhalf")
        slow.write(b"POST /beside/slow?told HTTP/1.1\r\n" + HOST + b"content-length: 0\r\n\r\n")
        server.until_logged("a slow answer begins")  # the half came before it, and is read
        server.send_signal(signal.SIGTERM)
        answer = slow.read_all()
        assert told(answer) == (503, {**WHO, "path": "/beside/slow"})
        assert b"\r\nretry-after: 1\r\n" in answer
        assert told(half.read_all()) == (503, WHO)
    assert server.wait() == 0
