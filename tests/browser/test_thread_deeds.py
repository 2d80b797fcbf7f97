"""What one does with a message: by mouse, and by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import axe
from tests.browser.screens import bubble, composer, log, send
from tests.browser.threads import stored
from tests.browser.visits import Visits
from tests.harness.server import LiveServer, Pair


def choose(page: Page, message: Locator, deed: str) -> None:
    message.hover()
    message.get_by_role("button", name="What to do with this message").click()
    page.get_by_role("menuitem", name=deed).click()


def test_reply_quotes_it(
    patient_page: Page, therapist_page: Page, server: LiveServer, pair: Pair
) -> None:
    send(therapist_page, "How did the evening walk go?")
    choose(patient_page, bubble(patient_page, "evening walk"), "Reply")
    expect(patient_page.get_by_text("Reply to How did the evening walk go?")).to_be_visible()
    expect(composer(patient_page)).to_be_focused()
    send(patient_page, "Better than I feared")
    quote = bubble(therapist_page, "Better than I feared").locator(".quote")
    expect(quote).to_have_text("How did the evening walk go?")
    asked, answer = stored(server, pair)
    assert answer["reply_to"] == asked["id"]
    expect(patient_page.get_by_text("Reply to How")).to_have_count(0)


def test_edit_keeps_the_earlier_versions(patient_page: Page, therapist_page: Page) -> None:
    send(patient_page, "I slept for six hour")
    expect(bubble(patient_page, "six hour").locator(".ticks.read")).to_be_visible()
    choose(patient_page, bubble(patient_page, "six hour"), "Edit")
    field = patient_page.get_by_label("Edit the message")
    expect(field).to_be_focused()
    expect(field).to_have_value("I slept for six hour")
    field.fill("I slept for six hours")
    field.press("Enter")
    expect(composer(patient_page)).to_be_visible()
    changed = bubble(therapist_page, "six hours")
    changed.get_by_role("button", name="edited").click()
    versions = therapist_page.get_by_role("dialog", name="Earlier versions")
    expect(versions.get_by_text("I slept for six hour", exact=True)).to_be_visible()
    expect(versions.get_by_text("I slept for six hours", exact=True)).to_be_visible()
    axe(therapist_page, "earlier versions")
    therapist_page.keyboard.press("Escape")
    expect(versions).to_have_count(0)


def test_an_edit_can_be_left_and_the_draft_is_there_still(patient_page: Page) -> None:
    send(patient_page, "As it was")
    composer(patient_page).fill("A draft")
    choose(patient_page, bubble(patient_page, "As it was"), "Edit")
    patient_page.get_by_label("Edit the message").fill("Another wording")
    patient_page.keyboard.press("Escape")
    expect(composer(patient_page)).to_have_value("A draft")
    expect(bubble(patient_page, "As it was")).to_be_visible()


def test_delete_and_undo(patient_page: Page, therapist_page: Page) -> None:
    send(patient_page, "Too much said")
    expect(bubble(therapist_page, "Too much said")).to_be_visible()
    choose(patient_page, bubble(patient_page, "Too much said"), "Delete")
    for page in (patient_page, therapist_page):
        expect(log(page).get_by_text("This message was deleted.")).to_be_visible()
        expect(bubble(page, "Too much said")).to_have_count(0)
    patient_page.get_by_role("button", name="Undo").click()
    for page in (patient_page, therapist_page):
        expect(bubble(page, "Too much said")).to_be_visible()
    choose(patient_page, bubble(patient_page, "Too much said"), "Delete")
    choose(patient_page, bubble(patient_page, "This message was deleted."), "Restore")
    expect(bubble(therapist_page, "Too much said")).to_be_visible()


def test_copy_takes_the_text(visit: Visits, patient_page: Page) -> None:
    patient_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    send(patient_page, "Words to keep")
    choose(patient_page, bubble(patient_page, "Words to keep"), "Copy text")
    expect(patient_page.get_by_text("Copied.")).to_be_visible()
    assert patient_page.evaluate("navigator.clipboard.readText()") == "Words to keep"


def test_what_is_not_ones_own_is_not_ones_to_change(
    patient_page: Page, therapist_page: Page
) -> None:
    send(therapist_page, "A therapist's words")
    message = bubble(patient_page, "A therapist's words")
    message.hover()
    message.get_by_role("button", name="What to do with this message").click()
    expect(patient_page.get_by_role("menuitem")).to_have_text(["Reply", "Copy text"])
    axe(patient_page, "message menu")


def test_by_keyboard_alone(patient_page: Page, therapist_page: Page) -> None:
    keys = patient_page.keyboard
    for text in ("One", "Two", "Three"):
        send(patient_page, text)
        expect(bubble(patient_page, text).locator(".ticks.read")).to_be_visible()
    keys.press("ArrowUp")
    expect(bubble(patient_page, "Three")).to_be_focused()
    keys.press("ArrowUp")
    expect(bubble(patient_page, "Two")).to_be_focused()
    keys.press("Home")
    expect(bubble(patient_page, "One")).to_be_focused()
    keys.press("End")
    expect(bubble(patient_page, "Three")).to_be_focused()
    keys.press("ArrowUp")
    keys.press("Enter")
    expect(patient_page.get_by_role("menuitem", name="Reply")).to_be_focused()
    keys.press("Escape")
    expect(bubble(patient_page, "Two")).to_be_focused()
    keys.press("Enter")
    keys.press("ArrowUp")  # round to the last
    expect(patient_page.get_by_role("menuitem", name="Delete")).to_be_focused()
    keys.press("Enter")
    expect(log(therapist_page).get_by_text("This message was deleted.")).to_be_visible()
    expect(bubble(patient_page, "This message was deleted.")).to_be_focused()
    keys.press("Escape")
    expect(composer(patient_page)).to_be_focused()
    # One stop for the whole log: one Tab back from what stands before the field.
    keys.press("Shift+Tab")
    keys.press("Shift+Tab")
    expect(log(patient_page).locator("li:focus")).to_have_count(1)


def test_each_message_has_a_name_and_arrivals_are_told(
    patient_page: Page, therapist_page: Page, visit: Visits
) -> None:
    send(therapist_page, "Good morning")
    message = log(patient_page).get_by_role("listitem").filter(has_text="Good morning")
    expect(message).to_have_attribute("aria-label", re.compile(r"\w, .*: Good morning$"))
    expect(patient_page.locator("[data-announcer]")).to_have_text(re.compile(r"\w: Good morning$"))
    # The log itself says nothing by itself: else each older page would be read out.
    expect(log(patient_page)).to_have_attribute("aria-live", "off")
