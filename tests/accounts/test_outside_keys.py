"""When a provider is asked for its keys, how often, and what holds when it does not answer."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.accounts.provider import AUDIENCE, EcKey, Provider
from therapyconnect.accounts.outside import fetch as fetching
from therapyconnect.accounts.outside import keysource
from therapyconnect.accounts.outside.fetch import MAX_BYTES, FetchFailed, fetch
from therapyconnect.accounts.outside.keysource import (
    ASK_SECONDS,
    FRESH_SECONDS,
    LAST_GOOD_SECONDS,
    KeySource,
)
from therapyconnect.accounts.outside.providers import IdentityProvider
from therapyconnect.core.errors import Unavailable

OLD, NEW = EcKey("old"), EcKey("new")


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider(OLD) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(provider: Provider, clock: Clock) -> KeySource:
    return KeySource(IdentityProvider(provider.issuer, provider.url, AUDIENCE), clock=clock)


def _ill(handler: BaseHTTPRequestHandler) -> None:
    Provider.reply(handler, b"{}", status=500)


def _settle(keys: KeySource) -> None:
    """Until a request that nobody waits for is done."""
    for thread in threading.enumerate():
        if thread.name == "identity-keys":
            thread.join(5)


def test_the_keys_are_asked_for_once_and_kept(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    assert provider.asked == 0, "not before somebody comes with a token"
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: keys.key_for("old", "ES256"), range(200)))
    assert None not in found
    assert provider.asked == 1
    clock.at += FRESH_SECONDS - 1
    assert keys.key_for("old", "ES256") is not None
    assert provider.asked == 1
    clock.at += 2
    assert keys.key_for("old", "ES256") is not None
    assert provider.asked == 2


def test_a_rotated_key_is_picked_up_and_the_withdrawn_one_is_gone(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    keys.key_for("old", "ES256")
    provider.keys = [OLD, NEW]
    clock.at += ASK_SECONDS
    assert keys.key_for("new", "ES256") is not None
    provider.keys = [NEW]
    clock.at += FRESH_SECONDS
    assert keys.key_for("old", "ES256") is None
    assert keys.key_for("new", "ES256") is not None


def test_unknown_kids_ask_at_most_once_in_some_seconds(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    keys.key_for("old", "ES256")
    for minute_part in range(12):
        clock.at += ASK_SECONDS
        for number in range(50):
            assert keys.key_for(f"hostile-{minute_part}-{number}", "ES256") is None
    assert provider.asked == 13
    assert keys.key_for("old", "ES256") is not None


def test_a_flood_of_unknown_kids_leaves_room_for_known_ones(
    provider: Provider, keys: KeySource, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (keysource, fetching):  # that nobody gives up before the flood is over
        monkeypatch.setattr(module, "TIMEOUT_SECONDS", 60)
    keys.key_for("old", "ES256")
    hold = threading.Event()

    def stalls(handler: BaseHTTPRequestHandler) -> None:
        hold.wait(60)
        Provider.reply(handler, provider.key_set())

    provider.answer = stalls
    clock.at += ASK_SECONDS
    with ThreadPoolExecutor(20) as pool:
        flood = [pool.submit(keys.key_for, f"hostile-{n}", "ES256") for n in range(20)]
        try:
            # Four wait, the others are told to come again.
            told = [one for _, one in zip(range(16), as_completed(flood, 30), strict=False)]
            assert all(isinstance(one.exception(), Unavailable) for one in told)
            assert keys.key_for("old", "ES256") is not None
            assert sum(one.done() for one in flood) == 16, "a known key waits for nobody"
        finally:
            hold.set()
    assert provider.asked == 2


def test_a_known_kid_of_another_kind_asks_nobody(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    keys.key_for("old", "ES256")
    clock.at += ASK_SECONDS
    for algorithm in ("RS256", "HS256", "none", ""):
        assert keys.key_for("old", algorithm) is None
    assert provider.asked == 1


def test_a_provider_that_is_away_is_outlived_for_an_hour(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    assert keys.key_for("old", "ES256") is not None
    provider.answer = _ill
    clock.at += FRESH_SECONDS
    for _ in range(int((LAST_GOOD_SECONDS - FRESH_SECONDS) // 60) - 1):
        assert keys.key_for("old", "ES256") is not None
        _settle(keys)
        clock.at += 60
    with pytest.raises(Unavailable) as unsure:  # new, or made up? that can't be told now
        keys.key_for("new", "ES256")
    assert (unsure.value.code, unsure.value.retry_after) == ("identity_provider_unavailable", 5)
    clock.at += 120
    with pytest.raises(Unavailable):
        keys.key_for("old", "ES256")
    provider.answer = None
    clock.at += ASK_SECONDS
    assert keys.key_for("old", "ES256") is not None


def test_a_provider_that_hangs_is_waited_for_once(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    keys.key_for("old", "ES256")
    hold = threading.Event()
    provider.answer = lambda handler: _hang(handler, hold)
    clock.at += FRESH_SECONDS
    start = time.monotonic()
    assert keys.key_for("old", "ES256") is not None
    assert 2.5 < time.monotonic() - start < 4
    _settle(keys)
    clock.at += ASK_SECONDS
    asked = provider.asked
    assert keys.key_for("old", "ES256") is not None
    assert any(thread.name == "identity-keys" for thread in threading.enumerate()), "not waited for"
    hold.set()
    _settle(keys)
    assert provider.asked == asked + 1


def _hang(handler: BaseHTTPRequestHandler, hold: threading.Event) -> None:
    hold.wait(20)


def test_without_keys_nobody_is_judged(keys: KeySource, provider: Provider, clock: Clock) -> None:
    provider.answer = _ill
    for _ in range(3):
        with pytest.raises(Unavailable):
            keys.key_for("old", "ES256")
    assert provider.asked == 1
    provider.answer = None
    clock.at += ASK_SECONDS
    assert keys.key_for("old", "ES256") is not None


def _redirect(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(200):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(MAX_BYTES // 1024 + 10):
        handler.wfile.write(b" " * 1024)


@pytest.mark.parametrize("illness", [_ill, _redirect, _drip, _endless], ids=lambda f: f.__name__)
def test_a_fetch_is_bounded(provider: Provider, illness: Any) -> None:
    provider.answer = illness
    start = time.monotonic()
    with pytest.raises(FetchFailed):
        fetch(provider.url)
    assert time.monotonic() - start < 4
    assert provider.asked == 1, "a redirect is not followed"


def test_what_is_no_key_set_changes_nothing(
    provider: Provider, keys: KeySource, clock: Clock
) -> None:
    assert keys.key_for("old", "ES256") is not None
    for body in (b"", b"[]", b"{}", b'{"keys": 7}', b"<html>", b"\xff", b'{"keys":[],"keys":[]}'):
        provider.answer = lambda handler, body=body: Provider.reply(handler, body)
        clock.at += FRESH_SECONDS / 10
        with pytest.raises(Unavailable):
            keys.key_for("unknown", "ES256")
        assert keys.key_for("old", "ES256") is not None
    provider.answer = lambda handler: Provider.reply(handler, json.dumps({"keys": []}).encode())
    clock.at += FRESH_SECONDS
    keys.key_for("unknown", "ES256")
    assert keys.key_for("old", "ES256") is None, "all keys withdrawn: that was said clearly"
