"""What the tab, and the system around it, are told: how much is new, and never what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.screens import bubble, log, send
from tests.browser.threads import look_away, say
from tests.browser.visits import Visits
from tests.harness.server import LiveServer, Pair

# Chromium without a window shows no notification: what would be shown is kept here instead.
KEEP_NOTIFICATIONS = """
window.shown = [];
window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, options) { window.shown.push({ title, ...options }); }
    close() {}
};
"""


def notified(page: Page, instead: str = KEEP_NOTIFICATIONS) -> None:
    """With notifications on: as after a reload, and once the settings (quiet hours) are here."""
    page.context.add_init_script(instead)
    page.evaluate("localStorage.setItem('therapyconnect.desktop', 'on')")
    with page.expect_response("**/api/me/settings/"):
        page.reload()
    expect(log(page)).to_have_attribute("aria-busy", "false")


def test_a_notification_holds_no_word_of_it(
    visit: Visits, server: LiveServer, pair: Pair, patient_page: Page
) -> None:
    page = patient_page
    notified(page)
    say(server, pair, "therapist", "Seen as it comes")
    expect(bubble(page, "Seen as it comes")).to_be_visible()
    look_away(page)
    say(server, pair, "therapist", "A word that stays in the chat")
    expect(page).to_have_title("(1) TherapyConnect")
    shown: list[dict[str, Any]] = page.evaluate("window.shown")
    (only,) = [note for note in shown if "new message" in note["body"]][-1:]
    assert only["title"] == "TherapyConnect"
    assert only["tag"] == f"{pair.chat_id} message"
    told = str(shown) + page.title() + page.url
    for word in ("stays in the chat", "Seen as it comes", "Therapist"):
        assert word not in told


def test_in_quiet_hours_only_what_is_urgent_shows(
    visit: Visits, server: LiveServer, pair: Pair, therapist_page: Page
) -> None:
    page = therapist_page
    with server.api(pair.therapist_token) as api:
        start, end = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-2, 2))
        quiet = {"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
        answer = api.patch("me/settings/", json={"quiet_hours": quiet, "time_zone": "UTC"})
        assert answer.status_code == 200, answer.text
    notified(page)
    look_away(page)
    say(server, pair, "patient", "It can wait until the morning")
    expect(page).to_have_title("(1) TherapyConnect")
    say(server, pair, "patient", "It can not wait", emergency=True)
    page.wait_for_function("window.shown.length > 0")
    assert [note["body"] for note in page.evaluate("window.shown")] == [
        "An urgent message is waiting for you."
    ]


def test_an_urgent_notification_is_covered_by_no_other(
    server: LiveServer, pair: Pair, therapist_page: Page
) -> None:
    """One of the same tag would take its place without a sound, and go by itself."""
    page = therapist_page
    notified(page)
    look_away(page)
    say(server, pair, "patient", "Hello")
    say(server, pair, "patient", "It can not wait", emergency=True)
    say(server, pair, "patient", "Please")
    page.wait_for_function("window.shown.length > 2")
    shown = {(note["body"], note["tag"]) for note in page.evaluate("window.shown")}
    assert len(shown) == len({tag for _, tag in shown}) == 2


def test_where_the_system_shows_none_the_account_says_so(
    server: LiveServer, pair: Pair, patient_page: Page
) -> None:
    """A browser may know `Notification`, say that it is allowed, and refuse each one."""
    page = patient_page
    refuse = KEEP_NOTIFICATIONS.replace("window.shown.push(", "throw new TypeError(")
    notified(page, refuse)
    look_away(page)
    say(server, pair, "therapist", "Hello")
    expect(page).to_have_title("(1) TherapyConnect")
    look_away(page, False)
    page.get_by_role("link", name="Account").click()
    expect(page.get_by_text("This browser shows none")).to_be_visible()


def test_two_tabs_show_the_same(patient_page: Page, therapist_page: Page, visit: Visits) -> None:
    other = visit.another_tab(patient_page)
    expect(log(other)).to_have_attribute("aria-busy", "false")
    send(patient_page, "Written in the one")
    expect(bubble(other, "Written in the one").locator(".ticks.read")).to_be_visible()
    send(other, "and in the other")
    expect(bubble(patient_page, "and in the other").locator(".ticks.read")).to_be_visible()
    expect(log(therapist_page).locator("li.message")).to_have_count(2)
