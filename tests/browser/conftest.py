"""Chromium for the tests of this room: one browser, a profile for each visitor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import chromium, find_chromium
from tests.browser.screens import open_chat
from tests.browser.visits import Visits
from tests.harness.server import LiveServer, Pair
from tests.web.built import built_client


@pytest.fixture(scope="session")
def web() -> Path:
    """The client of this checkout, built. Where that can't be done, the test fails."""
    return built_client()


# Not for the session: while it lives there is a running loop in this thread, which other rooms'
# tests have no use for.
@pytest.fixture(scope="package")
def browser(web: Path) -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip(
            "no Chromium on this machine: the web client is not tested in a browser"
            " (Debian: apt-get install chromium; CHROMIUM=/path names another)"
        )
    with chromium(path) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, server: LiveServer) -> Iterator[Visits]:
    """Makes visits; a fault in any of them fails the test."""
    visits = Visits(browser, server.base)
    yield visits
    faults = visits.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def therapist_page(visit: Visits, pair: Pair) -> Page:
    """The therapist of `pair`, signed in, at their chat."""
    page = visit(token=pair.therapist_token)
    open_chat(page, pair.chat_id)
    return page


@pytest.fixture
def patient_page(visit: Visits, pair: Pair) -> Page:
    """The patient of `pair`, signed in, at their chat."""
    page = visit(token=pair.patient_token)
    open_chat(page, pair.chat_id)
    return page
