"""How much one socket may send: 128 KiB a frame, and no flood."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket
from tests.realtime.tools import heard
from therapyconnect.realtime.flood import BURST, PER_SECOND, Flood

LARGEST = 128 * 1024


@pytest.fixture(scope="module")
def throttled(
    database_url: str, server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """A second server with its limits on, on the same database and keys."""
    live = LiveServer(server.data, database_url=database_url, throttles=True)
    live.log = tmp_path_factory.mktemp("throttled") / "server.log"
    live.start()
    yield live
    live.stop()


def gained_since(began: float) -> float:
    """How many more than at once a socket may have sent, however slow the machine was."""
    return (time.monotonic() - began) * PER_SECOND


def padded_ping(size: int) -> str:
    frame = '{"type":"ping","ref":"big"'
    return frame + " " * (size - len(frame) - 1) + "}"


def test_the_largest_frame_and_one_byte_more(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as chat:
        chat.connection.send(padded_ping(LARGEST))
        assert chat.next()["ref"] == "big"
        with suppress(ConnectionClosed):  # the close may come before all is sent
            chat.connection.send(padded_ping(LARGEST + 1))
        assert chat.close_code() == 1009
    with chat_socket(server, pair.chat_id, pair.patient_token) as chat:
        text = json.dumps({"type": "chat_message", "text": "ü" * LARGEST})
        with suppress(ConnectionClosed):
            chat.connection.send([text[:1000], text[1000:]])  # in two fragments
        assert chat.close_code() == 1009


def test_two_hundred_at_once_then_twenty_a_second(throttled: LiveServer, pair: Pair) -> None:
    with chat_socket(throttled, pair.chat_id, pair.patient_token) as chat:
        began = time.monotonic()
        for number in range(200):
            chat.send("ping", ref=number)
        answers = [chat.next() for _ in range(200)]
        assert [answer["type"] for answer in answers] == ["pong"] * 200
        for number in range(200):
            chat.send("ping", ref=number)
        kinds = [chat.next() for _ in range(200)]
        refused = [frame for frame in kinds if frame["type"] == "error"]
        assert len(refused) >= 200 - gained_since(began)
        for frame in refused:
            assert frame["code"] == "rate_limited"
            assert frame["retry_after"] >= 1
        time.sleep(1.1)
        for number in range(20):
            chat.send("ping", ref=number)
        assert [chat.next()["type"] for _ in range(20)] == ["pong"] * 20


def test_a_flood_is_closed(throttled: LiveServer, pair: Pair, other_pair: Pair) -> None:
    with (
        chat_socket(throttled, pair.chat_id, pair.patient_token) as flooder,
        chat_socket(throttled, pair.chat_id, pair.therapist_token) as other,
    ):
        began = time.monotonic()
        for number in range(1_000):
            try:
                flooder.send("typing", is_typing=True, ref=number)
            except Exception:
                break
        assert flooder.close_code() == 1008
        said = heard(other)
        # One more: the end of the typing.
        most = BURST + 1 + gained_since(began)
        assert 0 < len(said) <= most, "what was refused reached nobody"
        assert {frame["type"] for frame in said} == {"typing_indicator"}


def test_below_a_flood_it_stays_open(throttled: LiveServer, pair: Pair) -> None:
    with chat_socket(throttled, pair.chat_id, pair.patient_token) as chat:
        began = time.monotonic()
        for number in range(900):
            chat.send("ping", ref=number)
        kinds = [chat.next()["type"] for _ in range(900)]
        assert BURST <= kinds.count("pong") <= BURST + gained_since(began)
        assert set(kinds) == {"pong", "error"}
        time.sleep(0.2)
        assert heard(chat) == []


def verdicts(times: list[float]) -> list[str]:
    flood = Flood(times[0])
    return [flood.judge(now) for now in times]


@pytest.mark.parametrize("start", [0.0, 4.2, 9.95, 10.0, 123_456.999])
def test_a_thousand_are_a_flood_whenever_they_begin(start: float) -> None:
    """Also across the border of any window."""
    found = verdicts([start + n * 0.0001 for n in range(1_000)])
    assert found[:200] == ["pass"] * 200
    assert found[999] == "close"
    assert "close" not in found[:999]
    assert verdicts([start, *(start + 9.5 + n * 0.001 for n in range(999))])[-1] != "pass"


def test_what_is_slower_is_none() -> None:
    steady = verdicts([n / PER_SECOND for n in range(20_000)])
    assert set(steady) == {"pass"}
    brisk = verdicts([n / 99 for n in range(20_000)])
    assert set(brisk) == {"pass", "refuse"}
    rests = [[start + n * 0.001 for n in range(900)] for start in (0.0, 10.0, 40.0, 50.0)]
    assert "close" not in verdicts([now for rest in rests for now in rest])


def test_without_throttles_nothing_is_refused(server: LiveServer, pair: Pair) -> None:
    with chat_socket(server, pair.chat_id, pair.patient_token) as chat:
        for number in range(1_100):
            chat.send("ping", ref=number)
        assert {chat.next()["type"] for _ in range(1_100)} == {"pong"}
