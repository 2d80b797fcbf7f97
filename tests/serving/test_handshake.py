"""Every handshake gets an answer."""

from __future__ import annotations

import pytest

from .conftest import Process, error_of, frame, handshake

LIMIT = 16 * 1024


def padded(size: int) -> bytes:
    """A handshake of exactly this many bytes."""
    bare = len(handshake("/", "x-pad: "))
    return handshake("/", "x-pad: " + "p" * (size - bare))


@pytest.mark.parametrize("size", [9 * 1024, LIMIT])
def test_up_to_16_kib_is_accepted(server: Process, size: int) -> None:
    with server.connect() as client:
        client.write(padded(size))
        assert b" 101 " in client.read_head()
        client.send_frame(b"hello")
        assert client.read_frame() == (1, b"hello")


def test_one_long_header_line_reaches_the_application(server: Process) -> None:
    with server.connect() as client:
        assert b" 101 " in client.upgrade("/", "x-long: " + "v" * 15_000)


def test_300_headers_are_accepted(server: Process) -> None:
    with server.connect() as client:
        assert b" 101 " in client.upgrade("/", *["a: b"] * 300)
    assert server.stats()["headers"] > 300


def test_over_16_kib_is_refused(server: Process) -> None:
    with server.connect() as client:
        client.write(padded(LIMIT + 1))
        assert error_of(client.read_all()) == (431, "request_header_fields_too_large")


def test_a_dribbled_handshake_is_accepted_in_time(server: Process) -> None:
    request = handshake()
    with server.connect() as client:
        for at in range(0, len(request), 20):
            client.write(request[at : at + 20])
        assert b" 101 " in client.read_head()


def test_a_handshake_that_does_not_end_is_refused(hasty: Process) -> None:
    with hasty.connect() as client:
        client.write(handshake()[:-2])
        assert error_of(client.read_all()) == (408, "request_timeout")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("sec-websocket-version: 13", "sec-websocket-version: 12"), 426),
        (("sec-websocket-version: 13\r\n", ""), 426),
        (("sec-websocket-key: ", "sec-websocket-key: AAAA"), 400),
        (("sec-websocket-key: ", "sec-websocket-key: ***"), 400),
        (("sec-websocket-key: ", "x: "), 400),
        (("host: x", "host: x\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA=="), 400),
        (("GET ", "POST "), 400),
        (("HTTP/1.1", "HTTP/1.0"), 400),
        (("host: x", "host: x\r\ncontent-length: 3"), 400),
        (("host: x", "host: x\r\ntransfer-encoding: chunked"), 400),
        (("GET /", "GET http://["), 400),
    ],
)
def test_a_wrong_handshake_is_answered(
    server: Process, change: tuple[str, str], status: int
) -> None:
    with server.connect() as client:
        client.write(handshake().decode().replace(*change, 1).encode())
        if "content-length" in change[1]:
            client.write(b"abc")
        elif "chunked" in change[1]:
            client.write(b"0\r\n\r\n")
        assert error_of(client.read_all())[0] == status


def test_a_chosen_refusal_reaches_the_client(server: Process) -> None:
    with server.connect() as client:
        client.write(handshake("/refused"))
        answer = client.read_all()
    assert answer.startswith(b"HTTP/1.1 404 Not Found")
    assert b"x-why: not yours" in answer
    assert answer.endswith(b"{}")


def test_a_close_before_accepting_is_403(server: Process) -> None:
    with server.connect() as client:
        client.write(handshake("/forbidden"))
        assert error_of(client.read_all()) == (403, "permission_denied")


def test_a_failure_before_accepting_is_500(server: Process) -> None:
    with server.connect() as client:
        client.write(handshake("/early-error"))
        assert error_of(client.read_all())[0] == 500


def test_the_selected_subprotocol_is_answered_and_the_token_is_not(server: Process) -> None:
    with server.connect() as client:
        head = client.upgrade("/", "sec-websocket-protocol: therapyconnect.v1, bearer.abc.def")
    assert b"sec-websocket-protocol: therapyconnect.v1\r\n" in head + b"\r\n"
    assert b"bearer" not in head


def test_compression_is_not_negotiated(server: Process) -> None:
    with server.connect() as client:
        head = client.upgrade(
            "/", "sec-websocket-extensions: permessage-deflate; client_max_window_bits"
        )
    assert b"extensions" not in head.lower()


def test_frames_sent_with_the_handshake_are_not_lost(server: Process) -> None:
    with server.connect() as client:
        client.write(handshake() + frame(b"early") + frame(b"bird"))
        client.read_head()
        assert [client.read_frame(), client.read_frame()] == [(1, b"early"), (1, b"bird")]
