"""Lines that go and come back: what was written goes out in order, once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.screens import bubble, email_of, log, open_chat, send
from tests.browser.visits import AWAY, OFFLINE, Visits
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair


def stored(server: LiveServer, pair: Pair) -> list[str]:
    """What the server holds of the chat, in order."""
    with server.api(pair.patient_token) as api:
        query = {"chat_id": pair.chat_id, "after_seq": 0, "limit": 200}
        return [m["text"] for m in api.get("messages/", params=query).json()["results"]]


def test_offline_and_back(
    patient_page: Page, therapist_page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    visit.of(patient_page).expect(*OFFLINE)
    send(patient_page, "before")
    expect(bubble(therapist_page, "before")).to_be_visible()
    patient_page.context.set_offline(True)
    expect(patient_page.get_by_role("status").get_by_text("offline")).to_be_visible(timeout=3_000)
    waiting = [f"while away {n}" for n in range(1, 6)]
    for text in waiting:
        send(patient_page, text)
    for text in waiting:
        expect(bubble(patient_page, text).locator(".ticks.waiting")).to_be_visible()
    send(therapist_page, "meanwhile")
    expect(bubble(therapist_page, "meanwhile").locator(".ticks.sent")).to_be_visible()
    patient_page.context.set_offline(False)
    for text in waiting:
        expect(bubble(therapist_page, text)).to_be_visible()
    expect(bubble(patient_page, "meanwhile")).to_be_visible()
    expect(patient_page.get_by_role("status").get_by_text("offline")).to_have_count(0)
    expect(bubble(patient_page, waiting[-1]).locator(".ticks.read")).to_be_visible()
    assert stored(server, pair) == ["before", "meanwhile", *waiting]


@pytest.fixture
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of this test's own, to be killed."""
    with own_database(SERVER_URL) as url:
        live = LiveServer(tmp_path_factory.mktemp("breakable"), database_url=url)
        live.start()
        yield live
        live.stop()


def test_the_server_is_killed_and_comes_back(browser: Browser, breakable: LiveServer) -> None:
    """While messages are under way. Each is there once, and in the order it was written in."""
    (pair,) = breakable.load_pairs(1)
    visit = Visits(browser, breakable.base)
    patient = visit(email_of(pair.patient_id), expects=AWAY)
    therapist = visit(email_of(pair.therapist_id), expects=AWAY)
    open_chat(therapist, pair.chat_id)
    written = [f"line {n:02}" for n in range(1, 21)]
    for text in written[:10]:
        send(patient, text)
    breakable.kill()
    for text in written[10:]:
        send(patient, text)
    for page in (patient, therapist):
        expect(page.get_by_role("status").get_by_text("No connection")).to_be_visible()
    breakable.start()
    for page in (patient, therapist):
        expect(bubble(page, written[-1])).to_be_visible(timeout=60_000)
        expect(page.get_by_role("status").get_by_text("No connection")).to_have_count(0)
        expect(log(page).locator("li.message .text")).to_have_text(written)
    expect(bubble(patient, written[-1]).locator(".ticks.read")).to_be_visible()
    assert stored(breakable, pair) == written
    assert visit.close() == []
