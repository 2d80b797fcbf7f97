"""Each byte and second that a request may take is bounded, and the answer says why."""

from __future__ import annotations

import json
import time

import pytest

from .conftest import MakeServer, Process, error_of, handshake

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"
LIMIT = 16 * 1024


def padded(size: int, prefix: bytes = HEAD) -> bytes:
    """A request head of exactly this many bytes."""
    return prefix + b"x-pad: " + b"p" * (size - len(prefix) - 11) + b"\r\n\r\n"


def ask(server: Process, request: bytes) -> bytes:
    (answer,) = server.ask_all(request)
    return answer


def test_a_head_that_does_not_end_is_answered_and_closed(hasty: Process) -> None:
    began = time.monotonic()
    for answer in hasty.ask_all(b"", b"G", HEAD, b"\r\n\r\n"):
        assert error_of(answer) == (408, "request_timeout")
    assert 1.4 < time.monotonic() - began < 10


def test_dribbling_does_not_buy_time(own_server: MakeServer) -> None:
    server = own_server(head_seconds=0.6, linger_seconds=0.6)
    with server.connect() as client:
        assert client.dribble(HEAD + b"x-pad: " + b"p" * 400, pause=0.05)  # 20 s, if let


def test_a_second_head_has_its_own_clock(hasty: Process) -> None:
    with hasty.connect() as client:
        client.write(HEAD + b"\r\n")
        client.read_head()
        time.sleep(1.8)  # idle between requests is not a slow head
        began = time.monotonic()
        client.write(HEAD)
        assert b" 408 " in client.read_all()
    assert 1.4 < time.monotonic() - began < 10


def test_a_second_head_that_begins_in_the_same_packet_has_a_clock(hasty: Process) -> None:
    with hasty.connect() as client:
        client.write(HEAD + b"\r\n" + HEAD)
        answer = client.read_all()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b" 408 " in answer


def test_a_head_of_16_kib_passes_and_one_byte_more_does_not(server: Process) -> None:
    with server.connect() as client:
        client.write(padded(LIMIT))
        assert b" 200 " in client.read_head()
    assert error_of(ask(server, padded(LIMIT + 1))) == (431, "request_header_fields_too_large")


@pytest.mark.parametrize("chunk", [100, 5000])
def test_a_head_is_counted_as_it_arrives(server: Process, chunk: int) -> None:
    whole = padded(10 * LIMIT)
    with server.connect() as client:
        for at in range(0, LIMIT + chunk, chunk):
            client.write(whole[at : at + chunk])
        assert error_of(client.read_all())[0] == 431


def test_many_small_headers_count_too(server: Process) -> None:
    assert error_of(ask(server, HEAD + b"a: b\r\n" * 3000 + b"\r\n"))[0] == 431


def test_trailers_without_end_are_refused(server: Process) -> None:
    request = (
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
        + b"a: b\r\n" * 20000
    )
    assert error_of(ask(server, request))[0] == 431


def test_a_declared_body_over_the_limit_is_refused_at_once(server: Process) -> None:
    before = server.stats()["requests"]
    answer = ask(server, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100001\r\n\r\n")
    assert error_of(answer) == (413, "payload_too_large")
    assert server.stats()["requests"] == before + 1  # only the question itself


def test_the_refusal_is_readable_by_a_client_that_sends_on(server: Process) -> None:
    body = b"x" * 10_000_000
    assert (
        error_of(
            ask(server, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000\r\n\r\n" + body)
        )[0]
        == 413
    )


def test_a_chunked_body_is_counted(server: Process) -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    assert error_of(ask(server, request + chunk * 30))[0] == 413


def test_the_limit_depends_on_the_path(server: Process) -> None:
    with server.connect() as client:
        client.write(
            b"POST /upload?x=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n"
            + b"x" * 3_000_000
        )
        assert b" 200 " in client.read_head()


def test_a_body_that_trickles_is_closed(own_server: MakeServer) -> None:
    server = own_server(body_seconds=0.6, linger_seconds=0.6)
    with server.connect() as client:
        client.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        assert client.dribble(b"x" * 500, pause=0.05)  # 25 s, if let
    with server.connect() as client:
        client.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nx")
        assert error_of(client.read_all()) == (408, "request_timeout")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_400(server: Process, garbage: bytes) -> None:
    assert error_of(ask(server, garbage)) == (400, "bad_request")


def test_a_bad_request_behind_a_good_one_does_not_cost_the_good_one_its_answer(
    server: Process,
) -> None:
    answer = ask(server, b"GET /slow?0.2 HTTP/1.1\r\nhost: x\r\n\r\nNONSENSE\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "DELETE"])
def test_methods_are_the_applications_business(server: Process, method: str) -> None:
    answer = ask(server, f"{method} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
    assert b" 200 " in answer
    assert method.encode() in answer


def test_an_upgrade_to_something_else_is_answered_as_http(server: Process) -> None:
    answer = ask(
        server,
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 200")


def test_pipelined_requests_are_all_answered(server: Process) -> None:
    with server.connect() as client:
        client.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello" * 5)
        client.write(HEAD + b"connection: close\r\n\r\n")
        assert client.read_all().count(b"HTTP/1.1 200") == 6


def test_a_client_that_takes_no_response_is_cut_off(hasty: Process) -> None:
    with hasty.connect(receive_buffer=4096) as client:
        client.write(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        client.read_head()
        # Not one byte more is taken, and still it ends: nobody is there to be sent the rest.
        hasty.until_logged("the endless answer ends")
        assert len(client.read_all()) < 10_000_000


def test_a_failing_application_answers_in_our_shape_and_logs_no_text(server: Process) -> None:
    assert error_of(ask(server, b"GET /fail HTTP/1.1\r\nhost: x\r\n\r\n"))[0] == 500
    log = server.log.read_text()
    assert "ValueError" in log
    assert "a patient's words" not in log


def test_neither_paths_nor_queries_are_logged(server: Process) -> None:
    ask(server, b"GET /canary-path?canary-query HTTP/1.0\r\nhost: x\r\n\r\n")
    with server.connect() as client:
        client.write(handshake("/canary-path?canary-query"))
        client.read_head()
    assert "canary" not in server.log.read_text()


def test_no_server_header_but_a_date(server: Process) -> None:
    head = ask(server, b"GET / HTTP/1.0\r\nhost: x\r\n\r\n").partition(b"\r\n\r\n")[0]
    assert b"\r\ndate: " in head
    assert b"\r\nserver:" not in head


def test_expect_100_continue(server: Process) -> None:
    with server.connect() as client:
        client.write(b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n")
        client.write(b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        assert b" 100 " in client.read_head()
        client.write(b"ok")
        assert json.loads(client.read_all().partition(b"\r\n\r\n")[2])["size"] == 2


def test_one_request_too_many_is_refused_and_a_dribbled_body_takes_no_place(
    own_server: MakeServer,
) -> None:
    server = own_server(requests=2)
    with (
        server.connect() as first,
        server.connect() as second,
        server.connect() as third,
        server.connect() as dribbler,
    ):
        dribbler.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nhalf")
        server.stats()  # the half has been read before this question
        for busy in (first, second):
            busy.write(b"GET /slow?told HTTP/1.1\r\nhost: x\r\n\r\n")
        server.until_logged("a slow answer begins", times=2)
        third.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        refused = third.read_all()
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"retry-after: 1" in refused
        assert b'"overloaded"' in refused
        server.tell()
        assert first.read_head().startswith(b"HTTP/1.1 200")
        assert second.read_head().startswith(b"HTTP/1.1 200")
        dribbler.write(b" done")
        assert dribbler.read_head().startswith(b"HTTP/1.1 200")
