"""A stop keeps its promises: acks in flight, then 1001, in bounded time, with exit code 0."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .conftest import PATIENCE, MakeServer, Process


@pytest.fixture(autouse=True)
def _not_under_nohup() -> Iterator[None]:
    """A server whose parent ignores SIGHUP ignores it too, as it should: not these."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _begin_stop(server: Process, number: int = signal.SIGTERM) -> None:
    """Return once no WebSocket is read any more, and what is in flight is waited for."""
    server.send_signal(number)
    server.until_logged("draining")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_ack_in_flight_comes_before_1001(own_server: MakeServer, number: int) -> None:
    server = own_server(drain_seconds=60)
    with connect(server.url, compression=None) as client:
        client.send("ack:told:first")
        server.until_logged("an ack begins")
        _begin_stop(server, number)
        client.send("ack:0:second")  # no longer read: the client will ask again elsewhere
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.3)
        server.tell()
        assert client.recv(timeout=PATIENCE) == "ack first"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=PATIENCE)
        assert (client.close_code, client.close_reason) == (1001, "reconnect with jitter")
    assert server.wait() == 0
    assert "Traceback" not in server.log.read_text()


def test_listening_ends_at_once_and_the_port_is_free_at_once(own_server: MakeServer) -> None:
    server = own_server(drain_seconds=60)
    with connect(server.url, compression=None) as client:
        client.send("ack:told:first")
        server.until_logged("an ack begins")
        _begin_stop(server)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", server.port), PATIENCE)
        server.tell()
        assert client.recv(timeout=PATIENCE) == "ack first"
    assert server.wait() == 0
    with socket.create_server(("127.0.0.1", server.port)):
        pass


def test_an_http_request_in_flight_finishes_and_idle_ones_close(own_server: MakeServer) -> None:
    server = own_server(finish_seconds=60)
    with server.connect() as busy, server.connect() as idle:
        idle.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        idle.read_head()
        busy.write(b"GET /slow?told HTTP/1.1\r\nhost: x\r\n\r\n")
        server.until_logged("a slow answer begins")
        server.send_signal(signal.SIGTERM)
        idle.read_all()  # ends before the busy one may
        server.tell()
        assert busy.read_all().startswith(b"HTTP/1.1 200")
    assert server.wait() == 0


def test_who_was_let_in_before_the_end_is_answered(own_server: MakeServer) -> None:
    """Also who has said half of a request; who says nothing is not waited for long."""
    server = own_server(newcomer_seconds=3, finish_seconds=60)
    with server.connect() as newcomer, server.connect() as half, server.connect() as mute:
        half.write(b"GET / HTTP/1.1\r\nho")
        server.stats()  # who came before this question has been let in, and read
        _begin_stop(server)
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
        pending_bytes=100_000_000,
    )
    with (
        server.connect(receive_buffer=4096) as stalled,
        server.connect() as busy,
        server.connect() as deaf,
    ):
        stalled.upgrade()
        stalled.send_frame(b"flood:10")
        deaf.upgrade()
        deaf.send_frame(b"ack:told:never")
        busy.write(b"GET /slow?told HTTP/1.1\r\nhost: x\r\n\r\n")
        server.until_logged("an ack begins")
        server.until_logged("a slow answer begins")
        server.until(lambda stats: stats["most_pending"] > 1_000_000)
        began = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert deaf.read_close() == 1001
        assert server.wait() == 0
    assert 0.9 < time.monotonic() - began < 6  # by itself no socket would end within 30 s


def test_a_second_interrupt_does_not_wait(own_server: MakeServer) -> None:
    server = own_server(drain_seconds=60)
    with connect(server.url, compression=None) as client:
        client.send("ack:told:never")
        server.until_logged("an ack begins")
        _begin_stop(server, signal.SIGINT)
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0  # long before the drain is given up


def test_an_idle_server_stops_fast(own_server: MakeServer) -> None:
    """None of the times that a stop may take is one that it does take."""
    names = ("drain", "newcomer", "finish", "cancel", "lifespan")
    server = own_server(**{f"{name}_seconds": 60 for name in names})
    with connect(server.url, compression=None):
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
