"""A reader that stalls is closed in time, costs little, and delays nobody."""

from __future__ import annotations

import time

from websockets.sync.client import connect

from .conftest import MakeServer, Process


def wait_for_flood_end(server: Process) -> dict[str, float]:
    return server.until(lambda stats: stats["flood_seconds"] is not None)


def test_a_stalled_reader_is_closed_while_another_is_served(own_server: MakeServer) -> None:
    server = own_server(stall_seconds=30, abort_seconds=0.3)
    before = server.stats()["most_rss"]
    with (
        server.connect(receive_buffer=4096) as stalled,
        connect(server.url, compression=None) as other,
    ):
        stalled.upgrade()
        stalled.send_frame(b"flood:1")
        asked = 0
        while (stats := server.stats())["flood_seconds"] is None:
            for _ in range(20):
                other.send(str(asked))
                assert other.recv(timeout=10) == str(asked)  # if it had to wait, then for the stall
                asked += 1
        assert asked > 100
        assert stats["most_pending"] <= 1024 * 1024 + 1004
        assert stats["most_rss"] - before < 16 * 1024 * 1024
        time.sleep(0.5)
        assert stalled.read_all()[-1:] != b""  # and the end of the stream: the connection is gone


def test_little_traffic_to_a_stalled_reader_ends_by_time(own_server: MakeServer) -> None:
    # Far below a limit of 100 MB, so only the clock can end it.
    server = own_server(pending_bytes=100_000_000, kernel_send_bytes=4096, stall_seconds=1)
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"flood:1")
        assert 0.9 < wait_for_flood_end(server)["flood_seconds"] < 6


def test_much_traffic_to_a_stalled_reader_ends_by_size(own_server: MakeServer) -> None:
    server = own_server()
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"flood:20")
        assert wait_for_flood_end(server)["most_pending"] <= 1024 * 1024 + 1004


def test_closing_a_stalled_reader_ends(own_server: MakeServer) -> None:
    server = own_server(close_seconds=0.8)
    with server.connect(receive_buffer=4096) as stalled:
        stalled.upgrade()
        stalled.send_frame(b"fill-then-close:200000")
        server.until(lambda stats: stats["ended"] == 1)
        time.sleep(1.2)
        # Nothing we do not read is left with the server: the connection is cut, not waiting.
        began = time.monotonic()
        stalled.read_all()
        assert time.monotonic() - began < 10


def test_a_slow_reader_that_makes_progress_is_kept(own_server: MakeServer) -> None:
    server = own_server(kernel_send_bytes=8192, stall_seconds=3)
    with server.connect(receive_buffer=8192) as slow:
        slow.upgrade()
        slow.send_frame(b"sent:100")
        for number in range(100):
            time.sleep(0.06)  # 6 s for 1 MB, twice the stall bound
            assert int(slow.read_frame()[1]) == number
