"""Which requests are emergencies: by what they say, however badly they say it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from therapyconnect.crisis.requests import is_mark, may_be_emergency, says_emergency


@pytest.mark.parametrize(
    "path",
    [
        "/api/messages/", "/api/messages/send_message/", "/api/messages",
        "/api/messages/send_message",
        "/api/messages/MSG_t_abc123_p_xyz789_1/mark_emergency/", "/api/messages/x/mark_emergency",
    ],
)  # fmt: skip
def test_posts_that_are_looked_at(path: str) -> None:
    assert may_be_emergency("POST", path)
    assert not may_be_emergency("GET", path)


@pytest.mark.parametrize(
    "path",
    ["/api/messages/search/", "/api/messages/MSG_1/", "/api/messages/a/b/mark_emergency/",
     "/api/chats/", "/api/messages/x/mark_read/", "/x/api/messages/", "/api/messages//"],
)  # fmt: skip
def test_others_are_not(path: str) -> None:
    assert not may_be_emergency("POST", path)


def test_a_flag_is_one_whatever_its_body() -> None:
    assert is_mark("/api/messages/MSG_1/mark_emergency/")
    assert not is_mark("/api/messages/send_message/")


@pytest.mark.parametrize(
    "body",
    [
        b'{"emergency": true}',
        b'{"emergency":true,"text":"',  # cut short
        b'{"emergency": true, "emergency": false}',  # readers would differ: it is refused
        b'[{"emergency": true}]',
        b'{"\\u0065mergency": true}',
        b'{"emergency": "true"}',
        b'{"emergency": 1}',
        b'{"emergency": {}}',
        b"emergency=true&text=x",
        b"{'emergency': True}",
        b'\xef\xbb\xbf{"emergency": true}',
        '{"emergency": true}'.encode("utf-16"),
        '{"emergency": true}'.encode("utf-32-le"),
        b'{"emergency": true, "text": "\xff"}',
        b'{"emergency": true, "n": 1e400}',
        b"[" * 100_000 + b'"emergency": true',
    ],
)
def test_it_says_so(body: bytes) -> None:
    assert says_emergency(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b'{"emergency": false}', b'{"emergency": null}', b'{"emergency": "false"}',
        b'{"text": "emergency true"}', b'{"text": "\\"emergency\\": true"}', b"\xff\xfe", b"null",
        b'{"payload": {"emergency": true}}',
    ],
)  # fmt: skip
def test_it_does_not(body: bytes) -> None:
    assert not says_emergency(body)


@given(st.binary(max_size=200))
def test_no_body_breaks_it(body: bytes) -> None:
    assert says_emergency(body) in (True, False)


@given(st.dictionaries(st.text(max_size=5), st.text() | st.integers() | st.none(), max_size=4))
def test_valid_json_is_read_not_guessed(fields: dict[str, object]) -> None:
    fields.pop("emergency", None)
    assert not says_emergency(json.dumps({**fields, "emergency": False}).encode())
    assert says_emergency(json.dumps({**fields, "emergency": True}).encode())
