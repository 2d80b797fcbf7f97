"""A stop keeps its promises: acks in flight, then 1001, in bounded time, with exit code 0."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .conftest import MakeServer, Process


@pytest.fixture(autouse=True)
def _not_under_nohup() -> Iterator[None]:
    """A server whose parent ignores SIGHUP ignores it too, as it should: not these."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _wait_until_it_stops(server: Process) -> None:
    """The first thing that a stop does is to end listening."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("still listening")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_ack_in_flight_comes_before_1001(own_server: MakeServer, number: int) -> None:
    server = own_server()
    with connect(server.url, compression=None) as client:
        client.send("ack:2:first")
        time.sleep(0.3)
        server.send_signal(number)
        _wait_until_it_stops(server)
        client.send("ack:0:second")  # no longer read: the client will ask again elsewhere
        assert client.recv(timeout=5) == "ack first"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert (client.close_code, client.close_reason) == (1001, "reconnect with jitter")
    assert server.wait() == 0
    assert "Traceback" not in server.log.read_text()


def test_listening_ends_at_once_and_the_port_is_free_at_once(own_server: MakeServer) -> None:
    server = own_server()
    with connect(server.url, compression=None) as client:
        client.send("ack:0.6:first")
        time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), 1)
        assert client.recv(timeout=5) == "ack first"
    assert server.wait() == 0
    with socket.create_server(("127.0.0.1", server.port)):
        pass


def test_an_http_request_in_flight_finishes_and_idle_ones_close(own_server: MakeServer) -> None:
    server = own_server()
    with server.connect() as busy, server.connect() as idle:
        idle.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        idle.read_head()
        busy.write(b"GET /slow?0.6 HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.1)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        idle.read_all()
        assert time.monotonic() - began < 0.3
        assert busy.read_all().startswith(b"HTTP/1.1 200")
    assert server.wait() == 0


def test_who_was_let_in_before_the_end_is_answered(own_server: MakeServer) -> None:
    """Also who has said half of a request; who says nothing is not waited for long."""
    server = own_server()
    with server.connect() as newcomer, server.connect() as half, server.connect() as mute:
        half.write(b"GET / HTTP/1.1\r\nho")
        time.sleep(0.1)
        server.send_signal(signal.SIGTERM)
        _wait_until_it_stops(server)
        newcomer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        half.write(b"st: x\r\n\r\n")
        assert newcomer.read_all().startswith(b"HTTP/1.1 200")
        assert half.read_all().startswith(b"HTTP/1.1 200")
        mute.read_all()  # ends, with a word or without
        assert server.wait() == 0


def test_what_does_not_finish_is_cut_off_in_time(own_server: MakeServer) -> None:
    server = own_server(
        drain_seconds=0.5,
        finish_seconds=0.5,
        cancel_seconds=0.2,
        close_seconds=30,
        stall_seconds=30,
    )
    with (
        server.connect(receive_buffer=4096) as stalled,
        server.connect() as busy,
        server.connect() as deaf,
    ):
        stalled.upgrade()
        stalled.send_frame(b"flood:1")
        deaf.upgrade()
        deaf.send_frame(b"ack:20:never")
        busy.write(b"GET /slow?20 HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.2)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert deaf.read_close() == 1001
        assert server.wait() == 0
    assert 0.9 < time.monotonic() - began < 2.5


def test_a_second_interrupt_does_not_wait(own_server: MakeServer) -> None:
    server = own_server()
    with connect(server.url, compression=None) as client:
        client.send("ack:20:never")
        time.sleep(0.1)
        server.send_signal(signal.SIGINT)
        time.sleep(0.2)
        began = time.monotonic()
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
    assert time.monotonic() - began < 1.5


def test_an_idle_server_stops_fast(own_server: MakeServer) -> None:
    server = own_server()
    with connect(server.url, compression=None):
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    assert time.monotonic() - began < 1.5
