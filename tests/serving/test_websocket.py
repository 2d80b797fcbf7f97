"""What a socket may send, in which order it gets its frames, and how it ends."""

from __future__ import annotations

import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .conftest import PATIENCE, MakeServer, Process, frame

LIMIT = 128 * 1024


def closed_with(server: Process, *messages: str | bytes) -> int:
    with connect(server.url, compression=None) as client:
        for message in messages:
            client.send(message)
        with pytest.raises(ConnectionClosed):  # noqa: PT012
            while True:
                client.recv(timeout=PATIENCE)
        assert client.close_code is not None
        return client.close_code


def test_a_message_of_128_kib_passes_and_one_byte_more_closes_1009(server: Process) -> None:
    with connect(server.url, compression=None) as client:
        client.send("x" * LIMIT)
        assert client.recv(timeout=PATIENCE) == "x" * LIMIT
    assert closed_with(server, "x" * (LIMIT + 1)) == 1009


def test_a_client_that_goes_on_sending_still_reads_1009(server: Process) -> None:
    assert closed_with(server, "x" * 8_000_000) == 1009


def test_a_fragmented_message_counts_whole(server: Process) -> None:
    with connect(server.url, compression=None) as client:
        client.send(["x" * 1000] * 131 + ["x" * 72])
        assert client.recv(timeout=PATIENCE) == "x" * LIMIT
    with connect(server.url, compression=None) as client, pytest.raises(ConnectionClosed):  # noqa: PT012
        client.send(["x" * 1000] * 132)
        client.recv(timeout=PATIENCE)
    assert client.close_code == 1009


def test_control_frames_may_come_between_fragments(server: Process) -> None:
    with server.connect() as client:
        client.upgrade()
        client.send_frame(b"gr", fin=False)
        client.send_frame(b"are you there", opcode=9)
        client.send_frame("üß".encode()[:3], opcode=0, fin=False)
        client.send_frame("üß".encode()[3:], opcode=0)
        assert client.read_frame() == (10, b"are you there")
        assert client.read_frame() == (1, "grüß".encode())


def test_binary_is_the_applications_business(server: Process) -> None:
    with connect(server.url, compression=None) as client:
        client.send(b"\xff\x00")
        assert client.recv(timeout=PATIENCE) == "binary 2"


def test_invalid_utf_8_closes_1007_and_is_not_logged(server: Process) -> None:
    with server.connect() as client:
        client.upgrade()
        client.send_frame(b"canary-words \xff")
        assert client.read_close() == 1007
    assert "canary-words" not in server.log.read_text()
    assert "UnicodeDecodeError" not in server.log.read_text()


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\x05hello",  # not masked
        b"\xc1\x80\x01\x02\x03\x04",  # a reserved bit
        b"\x83\x80\x01\x02\x03\x04",  # an unknown opcode
        b"\x80\x80\x01\x02\x03\x04",  # continues nothing
        b"\x01\x80\x01\x02\x03\x04\x81\x80\x01\x02\x03\x04",  # begins inside another
        b"\x09\x80\x01\x02\x03\x04",  # a fragmented ping
        b"\x89\xfe\x00\x7e\x01\x02\x03\x04",  # a long ping
        b"\x88\x81\x01\x02\x03\x04\x00",  # half a close code
    ],
)
def test_broken_frames_close_1002(server: Process, data: bytes) -> None:
    with server.connect() as client:
        client.upgrade()
        client.write(data)
        assert client.read_close() == 1002
        assert client.read_all() == b""


@pytest.mark.parametrize("cut", [1, 3, 10])
def test_a_message_that_does_not_end_closes_1008(hasty: Process, cut: int) -> None:
    with hasty.connect() as client:
        client.upgrade()
        began = time.monotonic()
        client.send_frame(b"x" * 1000, cut=cut)
        assert client.read_close() == 1008
    assert 0.5 < time.monotonic() - began < 6


def test_dribbling_fragments_or_pings_does_not_buy_time(hasty: Process) -> None:
    with hasty.connect() as client:
        client.upgrade()
        client.send_frame(b"x", fin=False)
        with pytest.raises(OSError):  # noqa: PT012
            for _ in range(400):  # 20 s, if let
                client.send_frame(b"", opcode=9)
                client.send_frame(b"x", opcode=0, fin=False)
                time.sleep(0.05)


def test_idle_between_messages_is_fine(hasty: Process) -> None:
    with hasty.connect() as client:
        client.upgrade()
        for _ in range(2):
            client.send_frame(b"hello")
            assert client.read_frame() == (1, b"hello")
            time.sleep(0.9)


def test_pushed_and_sent_frames_keep_their_order(server: Process) -> None:
    with connect(server.url, compression=None) as client:
        client.send("mixed:5000")
        assert [client.recv(timeout=PATIENCE) for _ in range(5000)] == [
            str(number) for number in range(5000)
        ]


def test_frames_of_all_header_sizes_are_pushed(server: Process) -> None:
    with connect(server.url, compression=None, max_size=None) as client:
        for size in (0, 1, 125, 126, 65535, 65536, LIMIT):
            client.send("x" * size)
            assert client.recv(timeout=PATIENCE) == "x" * size


def test_asgi_send_waits_for_a_slow_reader_instead_of_losing_it(server: Process) -> None:
    with server.connect(receive_buffer=8192) as client:
        client.upgrade()
        client.send_frame(b"sent:300")  # 3 MB, thrice what may be pending
        for number in range(300):
            assert int(client.read_frame()[1]) == number


def test_a_flood_of_messages_waits_in_the_kernel(server: Process) -> None:
    with connect(server.url, compression=None) as client:
        client.send("sleep:0.5")
        for number in range(500):
            client.send(str(number))
        assert [client.recv(timeout=PATIENCE) for _ in range(500)] == [
            str(number) for number in range(500)
        ]


def test_close_comes_after_what_was_pushed_and_ends_the_application(server: Process) -> None:
    before = server.stats()["ended"]
    with connect(server.url, compression=None) as client:
        client.send("close:4401")
        assert client.recv(timeout=PATIENCE) == "last words"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=PATIENCE)
        assert (client.close_code, client.close_reason) == (4401, "as asked")
    stats = server.stats()
    assert stats["ended"] == before + 1
    assert stats["disconnect"] == 4401


def test_a_peer_that_does_not_answer_the_close_is_cut_off(hasty: Process) -> None:
    with hasty.connect() as client:
        client.upgrade()
        began = time.monotonic()
        client.send_frame(b"close:4403")
        assert client.read_close() == 4403
        client.read_all()
    assert 0.7 < time.monotonic() - began < 6


def test_the_peers_close_is_echoed_and_ends_the_application(server: Process) -> None:
    with server.connect() as client:
        client.upgrade()
        client.send_frame(b"question")
        assert client.read_frame() == (1, b"question")
        # In one packet, so that the answer is too late, however the frames travel.
        client.write(frame(b"ack:0:last") + frame((4000).to_bytes(2, "big"), opcode=8))
        assert client.read_close() == 4000
        assert client.read_all() == b""
    assert server.stats()["disconnect"] == 4000
    server.until_logged("an ack begins")  # what came before the close reached the application


def test_a_failing_application_closes_1011_and_logs_no_text(server: Process) -> None:
    assert closed_with(server, "fail:") == 1011
    log = server.log.read_text()
    assert "ValueError" in log
    assert "a patient's words" not in log


def test_a_silent_peer_is_closed_and_a_living_one_is_not(own_server: MakeServer) -> None:
    server = own_server(ping_interval_seconds=0.3, ping_timeout_seconds=3)
    with connect(server.url, compression=None) as living, server.connect() as silent:
        silent.upgrade()
        assert silent.read_close() == 1011
        time.sleep(0.2)  # the jitter between their pings is less
        living.send("still here")
        assert living.recv(timeout=PATIENCE) == "still here"
