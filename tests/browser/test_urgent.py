"""A patient's call for help: two deliberate steps, whom to call first, and what truly happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import axe
from tests.browser.screens import bubble, composer, email_of, log, open_chat, send
from tests.browser.visits import OFFLINE, Visits
from tests.harness.server import LiveServer, Pair


@pytest.fixture
def therapist(server: LiveServer, pair: Pair) -> Iterator[httpx.Client]:
    with server.api(pair.therapist_token) as api:
        yield api


@pytest.fixture
def page(visit: Visits, pair: Pair, server: LiveServer) -> Page:
    """A patient in Switzerland, at their chat."""
    with server.api(pair.patient_token) as api:
        api.patch("me/settings/", json={"region": "CH"}).raise_for_status()
    page = visit(email_of(pair.patient_id), width=768)
    open_chat(page, pair.chat_id)
    return page


def begin(page: Page) -> Locator:
    """The first step."""
    page.get_by_role("button", name="Urgent").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def state(page: Page) -> Locator:
    return page.get_by_role("dialog").get_by_role("status")


def open_alert(api: httpx.Client) -> dict[str, Any]:
    (alert,) = api.get("emergencies/").json()["results"]
    found: dict[str, Any] = alert
    return found


def whom_to_call(dialog: Locator) -> None:
    call = dialog.get_by_role("link", name="Call Emergency services: 144")
    expect(call).to_be_in_viewport(ratio=1)
    expect(call).to_have_attribute("href", "tel:144")


def test_two_steps_then_what_truly_happened(
    page: Page, visit: Visits, therapist: httpx.Client, pair: Pair
) -> None:
    dialog = begin(page)
    whom_to_call(dialog)
    expect(dialog).to_contain_text("not watched round the clock")
    go = dialog.get_by_role("button", name="Send as urgent")
    expect(go).to_be_disabled()
    dialog.get_by_label("What is happening?").fill("I can't breathe")
    assert therapist.get("emergencies/").json()["results"] == []  # one step has sent nothing
    go.click()
    expect(state(page)).to_contain_text("no device of theirs has confirmed it yet")
    whom_to_call(dialog)
    visit(email_of(pair.therapist_id))  # a device of the therapist's
    expect(state(page)).to_contain_text("It reached a device")
    expect(state(page)).to_contain_text("Nobody has taken it yet")
    alert = open_alert(therapist)
    therapist.post(f"emergencies/{alert['id']}/acknowledge/", json={}).raise_for_status()
    expect(state(page)).to_contain_text("taken it on")
    whom_to_call(dialog)
    therapist.post(f"emergencies/{alert['id']}/resolve/", json={}).raise_for_status()
    expect(state(page)).to_contain_text("closed it")
    dialog.get_by_role("button", name="Back to the chat").click()
    expect(bubble(page, "I can't breathe")).to_contain_text("Urgent.")


def test_closed_before_the_second_step_nothing_is_sent_and_the_words_are_kept(
    page: Page, therapist: httpx.Client, pair: Pair
) -> None:
    dialog = begin(page)
    dialog.get_by_label("What is happening?").fill("maybe not")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(log(page).locator("li.message")).to_have_count(0)
    page.reload()
    open_chat(page, pair.chat_id)
    expect(begin(page).get_by_label("What is happening?")).to_have_value("maybe not")
    assert therapist.get("emergencies/").json()["results"] == []


def test_nobody_is_reached(page: Page, therapist: httpx.Client) -> None:
    therapist.patch("me/settings/", json={"receives_emergencies": False}).raise_for_status()
    dialog = begin(page)
    dialog.get_by_label("What is happening?").fill("anyone?")
    dialog.get_by_role("button", name="Send as urgent").click()
    expect(state(page)).to_contain_text("Nobody could be reached. Please call")
    whom_to_call(dialog)


def test_back_in_the_chat_one_is_told_that_nobody_was_reached(
    page: Page, therapist: httpx.Client, server: LiveServer
) -> None:
    dialog = begin(page)
    dialog.get_by_label("What is happening?").fill("are you there?")
    dialog.get_by_role("button", name="Send as urgent").click()
    expect(state(page)).to_contain_text("is being alerted")
    dialog.get_by_role("button", name="Back to the chat").click()
    expect(dialog).to_have_count(0)
    due = "UPDATE messaging_emergencyalert SET due_at = now() WHERE chat_id = %s"
    server.sql(due, (open_alert(therapist)["chat_id"],))
    expect(state(page)).to_contain_text("Nobody could be reached. Please call")
    whom_to_call(dialog)


def test_by_keyboard_alone(page: Page, therapist: httpx.Client) -> None:
    composer(page).focus()
    button = page.get_by_role("button", name="Urgent")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    field = page.get_by_label("What is happening?")
    expect(field).to_be_visible()
    for _ in range(12):
        if field.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type("with keys only")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send as urgent")).to_be_focused()
    page.keyboard.press("Enter")
    expect(state(page)).to_contain_text("Sent at")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert open_alert(therapist)["state"] in ("raised", "delivered")


def test_offline_it_says_so_and_whom_to_call(page: Page, visit: Visits) -> None:
    visit.of(page).expect(*OFFLINE)
    expect(page.get_by_role("complementary").get_by_role("link", name="144")).to_be_visible()
    page.context.set_offline(True)
    dialog = begin(page)
    whom_to_call(dialog)
    dialog.get_by_label("What is happening?").fill("no line")
    dialog.get_by_role("button", name="Send as urgent").click()
    expect(state(page)).to_contain_text("not sent yet")
    whom_to_call(dialog)
    page.context.set_offline(False)
    expect(state(page)).to_contain_text("is being alerted")


def test_a_refusal_is_said_with_whom_to_call(
    page: Page, visit: Visits, therapist: httpx.Client, pair: Pair
) -> None:
    """Blocked between the first step and the second."""
    visit.of(page).expect(r"status of 403", r"WebSocket")
    dialog = begin(page)
    dialog.get_by_label("What is happening?").fill("let me in")
    answer = therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "blocked"})
    answer.raise_for_status()
    shut = dialog.get_by_text("can't be sent in this chat any more")
    refused = dialog.get_by_text("It was not sent.")
    expect(shut.or_(refused)).to_be_visible()
    whom_to_call(dialog)


def test_an_own_message_is_flagged_in_two_steps(page: Page, therapist: httpx.Client) -> None:
    send(page, "It has become worse")
    item = bubble(page, "It has become worse")
    expect(item.locator(".ticks.sent, .ticks.delivered")).to_be_visible()
    item.get_by_role("button", name="What to do with this message").click()
    page.get_by_role("menuitem", name="Mark as urgent").click()
    dialog = page.get_by_role("dialog")
    whom_to_call(dialog)
    expect(dialog.get_by_role("blockquote")).to_have_text("It has become worse")
    assert therapist.get("emergencies/").json()["results"] == []
    dialog.get_by_role("button", name="Mark as urgent").click()
    expect(state(page)).to_contain_text("is being alerted")
    assert open_alert(therapist)["state"] == "raised"


def test_through_a_chat_in_which_writing_is_off(
    page: Page, therapist: httpx.Client, pair: Pair
) -> None:
    therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "archived"})
    expect(page.get_by_text("This chat is archived").first).to_be_visible()
    dialog = begin(page)
    dialog.get_by_label("What is happening?").fill("still here")
    dialog.get_by_role("button", name="Send as urgent").click()
    expect(state(page)).to_contain_text("is being alerted")


def test_axe_finds_nothing_in_either_step(page: Page) -> None:
    dialog = begin(page)
    for step in ("before", "after"):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            axe(page, f"urgent, {step}, {scheme}:")
        if step == "before":
            dialog.get_by_label("What is happening?").fill("now")
            dialog.get_by_role("button", name="Send as urgent").click()
            expect(state(page)).to_contain_text("is being alerted")
