"""A reader that stalls is closed in time, costs little, and delays nobody."""

from __future__ import annotations

import time

from websockets.sync.client import connect

from .conftest import MakeServer, Process


def wait_for_flood_end(server: Process, seconds: float) -> dict[str, float]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stats = server.stats()
        if stats["flood_seconds"] is not None:
            return stats
        time.sleep(0.05)
    raise AssertionError("the stalled reader was not closed")


def test_a_stalled_reader_is_closed_while_another_is_served(own_server: MakeServer) -> None:
    server = own_server()
    before = server.stats()["most_rss"]
    with (
        server.connect(receive_buffer=4096) as stalled,
        connect(server.url, compression=None) as other,
    ):
        stalled.upgrade()
        stalled.send_frame(b"flood:1")
        slowest = 0.0
        for number in range(200):
            asked = time.monotonic()
            other.send(str(number))
            assert other.recv(timeout=5) == str(number)
            slowest = max(slowest, time.monotonic() - asked)
        stats = wait_for_flood_end(server, 5)
        assert slowest < 0.5
        assert stats["most_pending"] <= 1024 * 1024 + 1004
        assert stats["most_rss"] - before < 16 * 1024 * 1024
        time.sleep(0.5)
        assert stalled.read_all()[-1:] != b""  # and the end of the stream: the connection is gone


def test_little_traffic_to_a_stalled_reader_ends_by_time(own_server: MakeServer) -> None:
    # Far below a limit of 100 MB, so only the clock can end it.
    server = own_server(pending_bytes=100_000_000, kernel_send_bytes=4096)
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"flood:1")
        assert 0.9 < wait_for_flood_end(server, 5)["flood_seconds"] < 3


def test_much_traffic_to_a_stalled_reader_ends_by_size(own_server: MakeServer) -> None:
    server = own_server(stall_seconds=30)
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"flood:20")
        assert wait_for_flood_end(server, 5)["most_pending"] <= 1024 * 1024 + 1004


def test_closing_a_stalled_reader_ends(own_server: MakeServer) -> None:
    server = own_server(stall_seconds=30)
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"fill-then-close:200000")
        deadline = time.monotonic() + 4
        while server.stats()["ended"] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.2)
        # Nothing we do not read is left with the server: the connection is cut, not waiting.
        began = time.monotonic()
        stalled.read_all()
        assert time.monotonic() - began < 1


def test_a_slow_reader_that_makes_progress_is_kept(own_server: MakeServer) -> None:
    server = own_server(kernel_send_bytes=8192)
    with server.connect(receive_buffer=8192) as slow:
        slow.upgrade()
        slow.send_frame(b"sent:100")
        for number in range(100):
            time.sleep(0.02)  # 2 s for 1 MB, twice the stall bound
            assert int(slow.read_frame()[1]) == number
