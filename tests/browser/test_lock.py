"""The idle lock: by the clock on the wall, in all tabs, nothing of the content left behind it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import axe
from tests.browser.screens import bubble, composer, email_of, log, open_chat, send
from tests.browser.visits import OFFLINE, Visits
from tests.harness.processes import when
from tests.harness.server import PASSWORD, LiveServer, Pair

MINUTE = 60_000
REFUSED = r"status of 40[01]"


@pytest.fixture
def page(visit: Visits, pair: Pair) -> Page:
    """A patient at their chat, something said and something begun, with a clock that tests turn."""
    page = visit()
    page.clock.install()
    page.reload()
    page.get_by_label("E-mail").fill(email_of(pair.patient_id))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    open_chat(page, pair.chat_id)
    send(page, "something private")
    expect(bubble(page, "something private").locator(".ticks.sent")).to_be_visible()
    composer(page).fill("half a sentence")
    return page


def cover(page: Page) -> Locator:
    return page.get_by_role("heading", name="Locked")


def unlock(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Unlock").click()


def test_after_its_minutes_it_is_covered_and_the_password_opens_it(
    page: Page, visit: Visits, pair: Pair, server: LiveServer
) -> None:
    page.clock.fast_forward(14 * MINUTE)
    expect(composer(page)).to_be_visible()
    page.clock.fast_forward(2 * MINUTE)
    expect(cover(page)).to_be_visible()
    assert "something private" not in page.content()
    assert "half a sentence" not in page.content()
    with server.api(pair.therapist_token) as api:
        body = {"chat_id": pair.chat_id, "text": "said meanwhile"}
        api.post("messages/send_message/", json=body).raise_for_status()
    # A patient still sees whom to call; the tab tells no number of messages.
    expect(page.get_by_text("Not for emergencies")).to_be_visible()
    assert page.title() == "TherapyConnect"
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        axe(page, f"locked, {scheme}:")
    visit.of(page).expect(REFUSED)
    expect(page.get_by_label("Password")).to_be_focused()
    unlock(page, "not the password")
    expect(page.get_by_role("alert")).to_contain_text("password is not right")
    expect(log(page)).to_have_count(0)
    unlock(page)
    expect(bubble(page, "said meanwhile")).to_be_visible()
    expect(composer(page)).to_have_value("half a sentence")


def test_a_laptop_that_slept_wakes_up_locked(page: Page) -> None:
    """No timer ran: the first touch, or the first look, finds it too late."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + 60)
    page.evaluate("() => { const then = Date.now() + 3 * 3600e3; Date.now = () => then; }")
    page.keyboard.press("a")
    expect(cover(page)).to_be_visible()
    assert "something private" not in page.content()


def test_a_reload_opens_nothing(page: Page) -> None:
    page.clock.fast_forward(16 * MINUTE)
    expect(cover(page)).to_be_visible()
    page.reload()
    expect(cover(page)).to_be_visible()
    expect(log(page)).to_have_count(0)
    unlock(page)
    expect(composer(page)).to_have_value("half a sentence")


def test_what_was_left_open_yesterday_opens_locked_and_later_signed_out(
    page: Page, visit: Visits
) -> None:
    before = (
        "hours => localStorage.setItem('therapyconnect.lock.active', Date.now() - hours * 36e5)"
    )
    page.evaluate(before, 3)
    page.reload()
    expect(cover(page)).to_be_visible()
    page.evaluate(before, 13)
    visit.of(page).expect(REFUSED)  # the token is of no use for the log-out
    page.reload()
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert "therapyconnect.draft" not in str(page.evaluate("({ ...localStorage })"))


def test_a_hand_in_one_tab_keeps_the_others_open_and_they_lock_together(
    page: Page, visit: Visits
) -> None:
    other = visit.another_tab(page)
    expect(log(other)).to_be_visible()
    page.clock.fast_forward(10 * MINUTE)
    # In the other tab somebody works, by this tab's clock.
    now = page.evaluate("Date.now()")
    other.evaluate("at => localStorage.setItem('therapyconnect.lock.active', at)", str(now))
    # Of another process, it is seen a moment later.
    when(lambda: page.evaluate("localStorage.getItem('therapyconnect.lock.active')") == str(now))
    page.clock.fast_forward(10 * MINUTE)
    expect(composer(page)).to_be_visible()
    page.clock.fast_forward(10 * MINUTE)
    for tab in (page, other):
        expect(cover(tab)).to_be_visible()
    unlock(other)
    for tab in (page, other):
        expect(log(tab)).to_be_visible()


def test_what_waits_to_be_sent_goes_out_before_the_session_ends(
    page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    """Sent without a line, at night; the laptop is opened again half a day later."""
    visit.of(page).expect(*OFFLINE, REFUSED)
    page.context.set_offline(True)
    send(page, "until the line is back")
    expect(bubble(page, "until the line is back")).to_be_visible()
    page.clock.fast_forward(13 * 60 * MINUTE)
    expect(cover(page)).to_be_visible()
    page.context.set_offline(False)
    with server.api(pair.patient_token) as api:
        query = {"chat_id": pair.chat_id, "after_seq": 1}

        def arrived() -> bool:
            page.clock.run_for(1_000)
            texts = [one["text"] for one in api.get("messages/", params=query).json()["results"]]
            return texts == ["until the line is back"]

        when(arrived)
    page.clock.run_for(10_000)
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []


def test_what_was_refused_keeps_no_session_open(
    page: Page, visit: Visits, server: LiveServer, pair: Pair
) -> None:
    visit.of(page).expect(*OFFLINE, r"status of 40[013]")
    page.context.set_offline(True)
    send(page, "said too late")
    with server.api(pair.therapist_token) as api:
        answer = api.post(f"chats/{pair.chat_id}/update_status/", json={"status": "blocked"})
        answer.raise_for_status()
    page.context.set_offline(False)
    expect(bubble(page, "said too late").get_by_role("button", name="Retry")).to_be_visible()
    page.clock.fast_forward(13 * 60 * MINUTE)
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []


def test_an_urgent_message_is_told_on_the_cover(
    visit: Visits, pair: Pair, server: LiveServer
) -> None:
    page = visit(email_of(pair.therapist_id))
    expect(page.get_by_role("link", name="Account")).to_be_visible()
    past = "localStorage.setItem('therapyconnect.lock.active', Date.now() - 36e5)"
    page.evaluate(past)
    page.reload()
    expect(cover(page)).to_be_visible()
    expect(page.get_by_text("An urgent message is waiting")).to_have_count(0)
    with server.api(pair.patient_token) as api:
        body = {"chat_id": pair.chat_id, "text": "I can't go on", "emergency": True}
        api.post("messages/send_message/", json=body).raise_for_status()
    expect(page.get_by_role("alert").first).to_have_text(
        "An urgent message is waiting. Unlock to see it."
    )
    assert "go on" not in page.content()
    assert f"Load {pair.patient_id[2:]}" not in page.content()
    axe(page, "locked, urgent:")


def test_from_the_cover_one_can_log_out(page: Page, visit: Visits) -> None:
    visit.of(page).expect(REFUSED)
    page.clock.fast_forward(16 * MINUTE)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert page.evaluate("Object.keys(localStorage)") == []
